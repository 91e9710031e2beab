import type { ServerResponse } from 'node:http';

import type { ByteSpan, OpenFile } from '@nixery/storage';

import { type FilePart, FileParts } from './file-parts.ts';

/** Of a read for a client that is slow, in bytes. */
const SMALL = 64 * 1024;

/** A client that takes longer over one write is a slow one (ms). */
const SLOW_AFTER_MS = 250;
/** What a slow client has to take without such a pause to count as fast: more than its socket's buffers hide, in bytes. */
const PROVEN_FAST = 8 * 1024 * 1024;

export interface FileSource {
  readonly file: OpenFile;
  /** Of the whole file, in bytes. */
  readonly size: number;
  /** What is sent of it. */
  readonly span: ByteSpan;
}

/** What is sent at once. */
interface Piece {
  readonly bytes: Buffer;
  /** The part that it belongs to; undefined where it was read for this client alone. */
  readonly part: FilePart | undefined;
}

/**
 * Sends files to clients, in parts that those who want the same share. While one goes out the next one is read. Clients that
 * do not keep up, and those beyond what there are parts for, have one small buffer each, so that a thousand stalled ones hold
 * little.
 */
export class FileSender {
  readonly #parts = new FileParts();

  /**
   * Sends the body of an answer whose headers are written, and ends it; where the client goes away, the rest is not sent.
   *
   * @throws what the file's `read` rejects with: the answer then lacks the rest. The file is not read any more in any case.
   */
  async send(response: ServerResponse, { file, size, span }: FileSource): Promise<void> {
    const end = span.offset + span.length;
    let position = span.offset;
    let toProve = 0;
    let small: Buffer | undefined;
    const held = new Set<FilePart>();

    const takePart = (): FilePart | undefined => {
      if (end - position <= SMALL || toProve > 0) return undefined;
      const part = this.#parts.take(file, size, position);
      if (part !== undefined) held.add(part);
      return part;
    };

    const next = async (): Promise<Piece | undefined> => {
      if (position === end) return undefined;
      const part = takePart();
      let bytes: Buffer;
      if (part !== undefined) {
        bytes = (await part.bytes).subarray(position - part.offset, end - part.offset);
      } else {
        small ??= Buffer.allocUnsafeSlow(SMALL);
        const wanted = small.subarray(0, end - position);
        bytes = wanted.subarray(0, await file.read(wanted, position));
      }
      position += bytes.length;
      return { bytes, part };
    };

    try {
      let piece = await next();
      while (piece !== undefined) {
        const { bytes, part }: Piece = piece;
        const writtenAt = performance.now();
        // Both have to be over before a buffer is used again, whatever comes of them.
        const [written, ahead] = await Promise.allSettled([write(response, bytes), part && next()]);
        if (ahead.status === 'rejected') throw ahead.reason;
        if (written.status === 'rejected') return;
        const isSlow = performance.now() - writtenAt > SLOW_AFTER_MS;
        toProve = isSlow ? PROVEN_FAST : toProve - bytes.length;
        if (part === undefined) piece = await next();
        else {
          held.delete(part);
          this.#parts.giveBack(part);
          piece = ahead.value;
        }
      }
      response.end();
    } finally {
      for (const part of held) this.#parts.giveBack(part);
    }
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
