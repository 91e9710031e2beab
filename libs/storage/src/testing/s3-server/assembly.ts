import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A part as it was put last. */
interface Part {
  readonly number: number;
  readonly size: number;
  readonly md5: string;
  /** Where it lies unless in its place: it is not as long as the others. */
  readonly file: string | undefined;
}

/** What parts become: their size in bytes, and what their ETag is. */
interface Assembled {
  readonly file: string;
  readonly size: number;
  readonly md5: string;
}

/**
 * The parts of one upload. Each is written where it will lie in the object, provided all are as long as the first that came, as
 * uploads have them but for the last: real servers do not write everything once more at the end either.
 */
export class Assembly {
  readonly #folder: string;
  readonly #parts = new Map<number, Part>();
  /** Bytes of each part that is in its place. */
  #partBytes: number | undefined;

  /** @param folder - of the upload, where its parts may lie */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param md5 - of the bytes, in hex */
  async put(number: number, bytes: Uint8Array, md5: string): Promise<void> {
    const size = bytes.length;
    this.#partBytes ??= size;
    const file = size === this.#partBytes ? undefined : join(this.#folder, String(number));
    if (file === undefined) await this.#place(bytes, (number - 1) * size);
    else await writeFile(file, bytes);
    this.#parts.set(number, { number, size, md5, file });
  }

  /**
   * @param numbers - of the parts that the object consists of
   * @throws Error where one of them was not put
   */
  async complete(numbers: readonly number[]): Promise<Assembled> {
    const parts = numbers.toSorted((one, other) => one - other).map((number) => this.#part(number));
    const away = parts.findIndex(({ file, number }, n) => file !== undefined || number !== n + 1);
    const ready = away === -1 ? parts.length : away;
    // One that is left goes behind the others; of more, some could be where others belong.
    const isPlaced = ready > 0 && ready >= parts.length - 1;
    const file = isPlaced ? this.#object : join(this.#folder, 'copy');
    const [placed, others] = isPlaced ? [parts.slice(0, ready), parts.slice(ready)] : [[], parts];

    await using output = await open(file, constants.O_WRONLY | constants.O_CREAT);
    let size = placed.reduce((sum, part) => sum + part.size, 0);
    for (const part of others) {
      await writeAt(output, await this.#read(part), size);
      size += part.size;
    }
    await output.truncate(size);
    // docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    const md5s = createHash('md5');
    for (const { md5 } of parts) md5s.update(Buffer.from(md5, 'hex'));
    return { file, size, md5: `${md5s.digest('hex')}-${parts.length}` };
  }

  get #object(): string {
    return join(this.#folder, 'object');
  }

  #part(number: number): Part {
    const part = this.#parts.get(number);
    if (part === undefined) throw new Error(`part ${number} was not put`);
    return part;
  }

  async #place(bytes: Uint8Array, position: number): Promise<void> {
    await using object = await open(this.#object, constants.O_WRONLY | constants.O_CREAT);
    await writeAt(object, bytes, position);
  }

  async #read({ file, number, size }: Part): Promise<Buffer> {
    if (file !== undefined) return await readFile(file);
    await using object = await open(this.#object);
    const bytes = Buffer.alloc(size);
    await object.read(bytes, 0, size, (number - 1) * size);
    return bytes;
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, position);
  if (bytesWritten < bytes.length) throw new Error('cannot write all of a part');
}
