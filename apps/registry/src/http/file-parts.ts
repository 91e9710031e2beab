import type { OpenFile } from '@nixery/storage';

/** Of a part, the last one of its file excepted, in bytes: each is a way to another thread and back. */
const PART_BYTES = 2 * 1024 * 1024;

/**
 * Of all parts together, in bytes: enough for as many clients at full speed as one thread can serve, each of which has three,
 * and for some to follow others.
 */
const MAX_MEMORY = 64 * 1024 * 1024;

/** Of a file whose parts are kept for who may come for them, in bytes; of a larger one they would be gone before they are wanted again. */
const MAX_KEPT = MAX_MEMORY / 2;

/** A piece of a file in memory. */
export interface FilePart {
  /** Which file, and where in it. */
  readonly key: string;
  /** Which file. */
  readonly identity: string;
  /** Of the whole file, in bytes. */
  readonly fileSize: number;
  /** Where it begins in its file, in bytes. */
  readonly offset: number;
  readonly buffer: Buffer;
  /** The beginning of `buffer` that holds it; rejects where it cannot be read. */
  readonly bytes: Promise<Buffer>;
  /** How many have taken it and not given it back. */
  users: number;
}

/**
 * What was read of files last, in a few buffers that are used again and again: fresh memory for each read would cost more than
 * reading. Who wants what somebody else was sent just before, as the machines of a cluster do that pull one image, gets it
 * without another read; and since that is faster, those who are behind catch up, and stay. A large file that one client alone
 * is sent goes through the same two or three buffers, which the processor's caches hold.
 */
export class FileParts {
  /** The least recently taken first. */
  readonly #parts = new Map<string, FilePart>();
  /** Of parts that are not kept, the one used last at the end. */
  readonly #spare: Buffer[] = [];
  /** How many read each file. */
  readonly #readers = new Map<string, number>();
  #buffers = 0;

  /** To be told of everybody who begins to take parts of a file, and of their end. */
  enter({ identity }: OpenFile): void {
    this.#readers.set(identity, this.#readersOf(identity) + 1);
  }

  leave({ identity }: OpenFile): void {
    const others = this.#readersOf(identity) - 1;
    if (others > 0) this.#readers.set(identity, others);
    else this.#readers.delete(identity);
  }

  /**
   * The part of a file that holds the byte at `position`. It has to be given back, and the file to stay open until its bytes
   * have come or failed to.
   *
   * @param size of the whole file, in bytes
   * @returns undefined where as many as there may be are in use
   */
  take(file: OpenFile, size: number, position: number): FilePart | undefined {
    const offset = position - (position % PART_BYTES);
    const key = `${file.identity} ${offset}`;
    const part = this.#parts.get(key) ?? this.#read(file, key, offset, size);
    if (part === undefined) return undefined;
    part.users += 1;
    this.#parts.delete(key);
    this.#parts.set(key, part);
    return part;
  }

  giveBack(part: FilePart): void {
    part.users -= 1;
    if (part.users > 0) return;
    const isKept = this.#parts.get(part.key) === part;
    if (isKept && this.#isForOthers(part)) return;
    if (isKept) this.#parts.delete(part.key);
    this.#spare.push(part.buffer);
  }

  #isForOthers({ fileSize, identity }: FilePart): boolean {
    return fileSize <= MAX_KEPT || this.#readersOf(identity) > 1;
  }

  #readersOf(identity: string): number {
    return this.#readers.get(identity) ?? 0;
  }

  #read(file: OpenFile, key: string, offset: number, size: number): FilePart | undefined {
    const buffer = this.#buffer();
    if (buffer === undefined) return undefined;
    const bytes = fill(file, buffer.subarray(0, Math.min(PART_BYTES, size - offset)), offset);
    const { identity } = file;
    const part = { key, identity, fileSize: size, offset, buffer, bytes, users: 0 };
    // Who asks next tries again. This comes before those who wait for it give it back.
    bytes.catch(() => this.#parts.delete(key));
    return part;
  }

  #buffer(): Buffer | undefined {
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    if (this.#buffers < MAX_MEMORY / PART_BYTES) {
      this.#buffers += 1;
      return Buffer.allocUnsafeSlow(PART_BYTES);
    }
    for (const part of this.#parts.values()) {
      if (part.users > 0) continue;
      this.#parts.delete(part.key);
      return part.buffer;
    }
    return undefined;
  }
}

async function fill(file: OpenFile, buffer: Buffer, offset: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    filled += await file.read(buffer.subarray(filled), offset + filled);
  }
  return buffer;
}
