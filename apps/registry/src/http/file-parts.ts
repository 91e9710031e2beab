import type { OpenFile } from '@nixery/storage';

/** Of a part, the last one of its file excepted, in bytes. */
const PART_BYTES = 1024 * 1024;

/**
 * Of all parts together, in bytes: enough for as many clients at full speed as one thread can serve, each of which has two,
 * and for some to follow others.
 */
const MAX_MEMORY = 64 * 1024 * 1024;

/** A piece of a file in memory. */
export interface FilePart {
  /** Which file, and where in it. */
  readonly key: string;
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
 * without another read; and since that is faster, those who are behind catch up, and stay.
 */
export class FileParts {
  /** The least recently taken first. */
  readonly #parts = new Map<string, FilePart>();
  /** Of parts that could not be read. */
  readonly #spare: Buffer[] = [];
  #buffers = 0;

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
    const isKept = this.#parts.get(part.key) === part;
    if (part.users === 0 && !isKept) this.#spare.push(part.buffer);
  }

  #read(file: OpenFile, key: string, offset: number, size: number): FilePart | undefined {
    const buffer = this.#buffer();
    if (buffer === undefined) return undefined;
    const bytes = fill(file, buffer.subarray(0, Math.min(PART_BYTES, size - offset)), offset);
    const part = { key, offset, buffer, bytes, users: 0 };
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
