import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BlobError } from '../error.ts';
import type { ByteSpan } from '../range.ts';
import type { ReadBudget } from './read-budget.ts';
import { systemError } from './system-error.ts';

/** Sizes of one read, in bytes. The large one is three times as fast, and held in full for a client that stalls. */
const SMALL_READ = 64 * 1024;
const LARGE_READ = 1024 * 1024;

/** A consumer that leaves a chunk lying for longer than this is a slow one, in ms. */
const SLOW_AFTER_MS = 50;
/** What a slow consumer has to take without a pause to count as fast: more than its socket's buffers hide, in bytes. */
const PROVEN_FAST = 8 * 1024 * 1024;

/**
 * A stream of `span`, which owns the handle: it is closed at the end, at an error and when the stream is destroyed.
 *
 * Reads are large only for consumers that keep up, and while the budget of all streams allows. Nothing is read ahead
 * (`highWaterMark` 0), so a stalled client holds the one chunk that its socket has not taken yet.
 *
 * @param path - the file's path, for messages.
 */
export function streamFile(
  handle: FileHandle,
  span: ByteSpan,
  path: string,
  budget: ReadBudget,
): Readable {
  let position = span.offset;
  let remaining = span.length;
  let toProve = 0;
  let pushedAt = Infinity;
  let holdsLarge = false;

  async function readChunk(): Promise<Buffer | null> {
    releaseChunk();
    if (remaining === 0) return null;
    if (performance.now() - pushedAt > SLOW_AFTER_MS) toProve = PROVEN_FAST;
    const length = Math.min(remaining, chunkSize());
    const chunk = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await handle.read(chunk, 0, length, position);
    if (bytesRead === 0) throw new BlobError('corrupt', `${path} ends ${remaining} bytes early`);
    position += bytesRead;
    remaining -= bytesRead;
    toProve -= bytesRead;
    return chunk.subarray(0, bytesRead);
  }

  function chunkSize(): number {
    holdsLarge = remaining > SMALL_READ && toProve <= 0 && budget.take();
    return holdsLarge ? LARGE_READ : SMALL_READ;
  }

  /** The consumer asks for more, or goes away: it does not hold the last chunk any longer. */
  function releaseChunk(): void {
    if (holdsLarge) budget.giveBack();
    holdsLarge = false;
  }

  async function pushChunk(stream: Readable): Promise<void> {
    let chunk: Buffer | null;
    try {
      chunk = await readChunk();
    } catch (error) {
      stream.destroy(systemError(error, `read ${path}`));
      return;
    }
    pushedAt = performance.now();
    stream.push(chunk);
  }

  async function close(
    earlier: Error | null,
    callback: (error: Error | null) => void,
  ): Promise<void> {
    let failure = earlier;
    releaseChunk();
    try {
      await handle.close();
    } catch (error) {
      failure ??= systemError(error, `close ${path}`);
    }
    callback(failure);
  }

  return new Readable({
    highWaterMark: 0,
    read() {
      void pushChunk(this);
    },
    destroy(error, callback) {
      void close(error, callback);
    },
  });
}
