import { readSync } from 'node:fs';
import { LayerError } from './error.ts';
import { END_OF_ARCHIVE, encodeHeader, padding, type TarEntry } from './tar.ts';
import type { OpenFile } from './walk.ts';

/** Takes bytes that are valid during the call only. */
export type ByteSink = (chunk: Buffer) => void;

const BUFFER_SIZE = 1024 * 1024;

/**
 * Writes an archive through one buffer: files are read straight into it, so that memory does not grow with their size
 * and what comes after (hashes, compression) sees large chunks whatever the size of the files.
 */
export class TarWriter {
  readonly #sink: ByteSink;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  #used = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Adds an entry that has no content, or has it in memory. */
  add(entry: TarEntry, content?: Buffer): void {
    this.#write(encodeHeader(entry));
    if (content === undefined) return;
    this.#write(content);
    this.#writeZeros(padding(content.length));
  }

  /**
   * Adds a file's content, which must be as long as it was said to be when the file was opened.
   *
   * @throws LayerError `changed`
   */
  addFile(path: Buffer, mode: number, { fd, size }: OpenFile): void {
    this.add({ type: 'file', path, mode, size });
    let left = size;
    while (left > 0) {
      const length = readSync(fd, this.#buffer, this.#used, Math.min(this.#free(), left), null);
      if (length === 0) throw changed(path);
      this.#advance(length);
      left -= length;
    }
    if (readSync(fd, PROBE, 0, 1, null) !== 0) throw changed(path);
    this.#writeZeros(padding(size));
  }

  end(): void {
    this.#write(END_OF_ARCHIVE);
    if (this.#used > 0) this.#flush();
  }

  #write(bytes: Buffer): void {
    let offset = 0;
    while (offset < bytes.length) {
      const length = bytes.copy(this.#buffer, this.#used, offset, offset + this.#free());
      offset += length;
      this.#advance(length);
    }
  }

  #writeZeros(count: number): void {
    this.#write(END_OF_ARCHIVE.subarray(0, count));
  }

  #free(): number {
    return BUFFER_SIZE - this.#used;
  }

  #advance(length: number): void {
    this.#used += length;
    if (this.#used === BUFFER_SIZE) this.#flush();
  }

  #flush(): void {
    this.#sink(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

const PROBE = Buffer.alloc(1);

function changed(path: Buffer): LayerError {
  const shown = `/${path.toString()}`;
  return new LayerError('changed', `changed while it was read: ${shown}`, shown);
}
