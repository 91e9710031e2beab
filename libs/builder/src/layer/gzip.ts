import { constants, crc32, deflateRawSync } from 'node:zlib';
import type { Compressor } from './types.ts';

/** Large enough that starting anew costs little, small enough that memory does not matter. */
const BLOCK_SIZE = 512 * 1024;

/** How far back deflate can refer: https://www.rfc-editor.org/rfc/rfc1951#section-2 */
const WINDOW_SIZE = 32 * 1024;

/** Deflate, no flags, no time, no extra flags, unknown system: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1 */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/**
 * A gzip compressor that does its work inside `push`: in a worker thread that does nothing else, zlib's streams only
 * add hops between threads. One member, cut into blocks that end on a byte (a sync flush) and go on with the last
 * 32 KiB of the block before as dictionary, as pigz does.
 */
export class GzipCompressor implements Compressor {
  readonly #sink: (chunk: Buffer) => void;
  readonly #level: number;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
  #used = 0;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_SIZE);
  #hasWindow = false;
  #crc = 0;
  #size = 0;

  /** @param level zlib's, 1 to 9 */
  constructor(level: number, sink: (chunk: Buffer) => void) {
    this.#level = level;
    this.#sink = sink;
    sink(HEADER);
  }

  push(chunk: Buffer): void {
    this.#crc = crc32(chunk, this.#crc);
    this.#size += chunk.length;
    let offset = 0;
    while (offset < chunk.length) {
      // Whole blocks are compressed where they are.
      if (this.#used === 0 && chunk.length - offset >= BLOCK_SIZE) {
        this.#deflate(chunk.subarray(offset, offset + BLOCK_SIZE), constants.Z_SYNC_FLUSH);
        offset += BLOCK_SIZE;
        continue;
      }
      const length = chunk.copy(this.#block, this.#used, offset);
      this.#used += length;
      offset += length;
      if (this.#used < BLOCK_SIZE) continue;
      this.#deflate(this.#block, constants.Z_SYNC_FLUSH);
      this.#used = 0;
    }
  }

  finish(): void {
    this.#deflate(this.#block.subarray(0, this.#used), constants.Z_FINISH);
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#size % 2 ** 32, 4);
    this.#sink(trailer);
  }

  #deflate(block: Buffer, finishFlush: number): void {
    const dictionary = this.#hasWindow ? { dictionary: this.#window } : {};
    const options = { level: this.#level, finishFlush, chunkSize: OUTPUT_CHUNK, ...dictionary };
    this.#sink(deflateRawSync(block, options));
    if (block.length !== BLOCK_SIZE) return;
    block.copy(this.#window, 0, BLOCK_SIZE - WINDOW_SIZE);
    this.#hasWindow = true;
  }
}

/** More than a block can come to, so that nothing has to be put together: https://www.zlib.net/zlib_tech.html ("Maximum Expansion Factor") */
const OUTPUT_CHUNK = BLOCK_SIZE + 4096;
