import { constants, zstdCompressSync } from 'node:zlib';
import type { Compressor } from './types.ts';

/** Frames know nothing of each other: at this size that costs half a percent, and a worker's memory stays small. */
const FRAME_SIZE = 8 * 1024 * 1024;

/**
 * More than a frame can come to: zstd then writes it in one pass, without buffers of its own, and a little smaller. Memory that it does not
 * write to is none. https://github.com/facebook/zstd/blob/v1.5.7/lib/zstd.h (ZSTD_COMPRESSBOUND)
 */
const OUTPUT_CHUNK = FRAME_SIZE + FRAME_SIZE / 256 + 64 * 1024;

/** Changes whenever the same archive makes other bytes. It is part of every key that a layer is found by. */
export const ZSTD_VERSION = 2;

/**
 * A zstd compressor that does its work inside `push`, in a thread of its own: a frame for every 8 MiB, one
 * after another, which decoders take for one stream (https://www.rfc-editor.org/rfc/rfc8878#section-3).
 */
export class ZstdCompressor implements Compressor {
  readonly #sink: (chunk: Buffer) => void;
  readonly #level: number;
  readonly #block = Buffer.allocUnsafeSlow(FRAME_SIZE);
  #used = 0;
  #frames = 0;

  /** @param level zstd's, 1 to 19 */
  constructor(level: number, sink: (chunk: Buffer) => void) {
    this.#level = level;
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      const length = chunk.copy(this.#block, this.#used, offset);
      this.#used += length;
      offset += length;
      if (this.#used === FRAME_SIZE) this.#compress();
    }
  }

  finish(): void {
    // Nothing at all is an empty frame: no bytes would not be a zstd stream.
    if (this.#used > 0 || this.#frames === 0) this.#compress();
  }

  #compress(): void {
    const params = { [constants.ZSTD_c_compressionLevel]: this.#level };
    const options = { params, chunkSize: OUTPUT_CHUNK };
    this.#sink(zstdCompressSync(this.#block.subarray(0, this.#used), options));
    this.#used = 0;
    this.#frames += 1;
  }
}
