import type { ServerResponse } from 'node:http';

import type { ByteSpan } from '@nixery/storage';

/** Sizes of one read, in bytes. */
const SMALL = 64 * 1024;
const LARGE = 1024 * 1024;

/** Enough for as many clients at full speed as one thread can serve, each of which has two. */
const LARGE_BUFFERS = 32;

/** A client that takes longer over one write is a slow one (ms). */
const SLOW_AFTER_MS = 250;
/** What a slow client has to take without such a pause to count as fast: more than its socket's buffers hide, in bytes. */
const PROVEN_FAST = 8 * LARGE;

export interface FileSource {
  /** What is sent of it. */
  readonly span: ByteSpan;
  /** Reads into `buffer` from a position of the file on. @returns how many bytes, at least one */
  readonly read: (buffer: Uint8Array, position: number) => Promise<number>;
}

/** What is sent at once. */
interface Part {
  readonly bytes: Buffer;
  /** The large buffer that it is in, if it is in one. */
  readonly large: Buffer | undefined;
}

/**
 * Sends files to clients through buffers that are used again and again: fresh memory for each read would cost more than
 * reading. While a large part goes out the next one is read. Clients that do not keep up, and those beyond what there are
 * large buffers for, have one small buffer each, so that a thousand stalled ones hold little.
 */
export class FileSender {
  readonly #idle: Buffer[] = [];
  #lent = 0;

  /**
   * Sends the body of an answer whose headers are written, and ends it; where the client goes away, the rest is not sent.
   *
   * @throws what `read` rejects with: the answer then lacks the rest. The source is not read any more in any case.
   */
  async send(response: ServerResponse, { read, span }: FileSource): Promise<void> {
    const end = span.offset + span.length;
    let position = span.offset;
    let toProve = 0;
    let small: Buffer | undefined;
    const held = new Set<Buffer>();

    const fill = async (): Promise<Part | undefined> => {
      const left = end - position;
      if (left === 0) return undefined;
      const large = left > SMALL && toProve <= 0 ? this.#take(held) : undefined;
      const buffer = large ?? (small ??= Buffer.allocUnsafeSlow(SMALL));
      const length = await read(buffer.subarray(0, Math.min(left, buffer.length)), position);
      position += length;
      return { bytes: buffer.subarray(0, length), large };
    };

    try {
      let part = await fill();
      while (part !== undefined) {
        const { bytes, large }: Part = part;
        const writtenAt = performance.now();
        // Both have to be over before a buffer is used again, whatever comes of them.
        const [written, ahead] = await Promise.allSettled([
          write(response, bytes),
          large && fill(),
        ]);
        if (ahead.status === 'rejected') throw ahead.reason;
        if (written.status === 'rejected') return;
        const isSlow = performance.now() - writtenAt > SLOW_AFTER_MS;
        toProve = isSlow ? PROVEN_FAST : toProve - bytes.length;
        if (large !== undefined) this.#giveBack(large, held);
        part = large ? ahead.value : await fill();
      }
      response.end();
    } finally {
      for (const large of held) this.#giveBack(large, held);
    }
  }

  #take(held: Set<Buffer>): Buffer | undefined {
    if (this.#lent === LARGE_BUFFERS) return undefined;
    const large = this.#idle.pop() ?? Buffer.allocUnsafeSlow(LARGE);
    this.#lent += 1;
    held.add(large);
    return large;
  }

  #giveBack(large: Buffer, held: Set<Buffer>): void {
    held.delete(large);
    this.#lent -= 1;
    this.#idle.push(large);
  }
}

/** Until the system has taken all of it; rejects where the client goes away before. */
async function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  const { socket } = response.req;
  if (socket.destroyed) throw new Error('the client is gone');
  await new Promise<void>((resolve, reject) => {
    // An answer behind another one on its connection is not told that this was closed.
    socket.once('close', reject);
    response.write(bytes, (error) => {
      socket.off('close', reject);
      if (error) reject(error);
      else resolve();
    });
  });
}
