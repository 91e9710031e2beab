import { Readable } from 'node:stream';
import { BlobError } from '../error.ts';
import type { ByteSpan } from '../range.ts';
import { isTransient, pause } from './retry.ts';
import type { Tuning } from './tuning.ts';

/** So many failures without a byte in between end a download. */
const MAX_FAILURES = 5;

export interface BodyOptions {
  /** The stream of all of `span`. */
  readonly body: Readable;
  readonly span: ByteSpan;
  /** The stream of the rest, from an offset of the whole object on. */
  reopen(offset: number): Promise<Readable>;
  readonly tuning: Tuning;
  /** What is read, for messages. */
  readonly name: string;
}

/**
 * A stream of exactly `span`. Where the connection breaks or stalls, the rest is asked for anew; if that fails too,
 * the stream fails rather than ending early. Nothing is read ahead of the consumer but what the socket buffers.
 */
export function createBody(options: BodyOptions): Readable {
  const { span, tuning, name } = options;
  let source = options.body;
  let chunks = chunksOf(source, tuning.idleMs, name);
  let offset = span.offset;
  const end = span.offset + span.length;
  let failures = 0;

  async function nextChunk(): Promise<Buffer | null> {
    for (;;) {
      try {
        return await readChunk();
      } catch (error) {
        failures += 1;
        if (!isTransient(error) || failures > MAX_FAILURES || offset === end) throw error;
      }
      await resume();
    }
  }

  async function readChunk(): Promise<Buffer | null> {
    const chunk = await chunks.next();
    if (chunk === null) {
      if (offset === end) return null;
      throw new BlobError('unavailable', `${name} ends ${end - offset} bytes early`);
    }
    if (chunk.length > end - offset) {
      throw new BlobError('corrupt', `${name} goes on after its ${end - offset} last bytes`);
    }
    offset += chunk.length;
    failures = 0;
    // The last bytes are kept back until the source has ended well: it may still find that its checksum is wrong.
    if (offset === end) await assertEnd();
    return chunk;
  }

  async function assertEnd(): Promise<void> {
    if ((await chunks.next()) !== null) {
      throw new BlobError('corrupt', `${name} goes on after its last byte`);
    }
  }

  async function resume(): Promise<void> {
    source.destroy();
    await pause(tuning, failures - 1);
    if (stream.destroyed) return;
    try {
      source = await options.reopen(offset);
    } catch (error) {
      if (!isTransient(error)) throw error;
      source = Readable.from([]);
    }
    if (stream.destroyed) source.destroy();
    chunks = chunksOf(source, tuning.idleMs, name);
  }

  async function pushChunk(): Promise<void> {
    try {
      const chunk = await nextChunk();
      if (!stream.destroyed) stream.push(chunk);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  const stream = new Readable({
    highWaterMark: 0,
    read() {
      void pushChunk();
    },
    destroy(error, callback) {
      source.destroy();
      callback(error);
    },
  });
  return stream;
}

interface Chunks {
  /** The next bytes; null at the end. */
  next(): Promise<Buffer | null>;
}

/** Reads a stream piece by piece, and gives it up if it yields nothing for `idleMs` while it is asked to. */
export function chunksOf(source: Readable, idleMs: number, name: string): Chunks {
  const iterator: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  return {
    async next() {
      const stalled = setTimeout(() => {
        source.destroy(new BlobError('unavailable', `${name} stalls for ${idleMs} ms`));
      }, idleMs);
      try {
        const result = await iterator.next();
        return result.done === true ? null : result.value;
      } catch (error) {
        if (error instanceof BlobError) throw error;
        throw new BlobError('unavailable', `Cannot read ${name}: the connection breaks`, {
          cause: error,
        });
      } finally {
        clearTimeout(stalled);
      }
    },
  };
}
