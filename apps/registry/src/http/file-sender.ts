import type { ServerResponse } from 'node:http';

import type { ByteSpan, OpenFile } from '@nixery/storage';

import { type FilePart, FileParts } from './file-parts.ts';

/** Of a read for a client that is slow, in bytes. */
const SMALL = 64 * 1024;

/** A client that takes longer over one write is a slow one (ms). */
const SLOW_AFTER_MS = 250;
/** What a slow client has to take without such a pause to count as fast: more than its socket's buffers hide, in bytes. */
const PROVEN_FAST = 8 * 1024 * 1024;

/** Pieces on their way to one client at a time: it does not wait while the next one is fetched. */
const MAX_SENDING = 2;

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
 * Sends files to clients, in parts that those who want the same share. While two go out the next one is read. Clients that
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
    let sentAt = 0;
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

    /** @returns whether the client is still there */
    const sendPiece = async ({ bytes, part }: Piece): Promise<boolean> => {
      const calledAt = performance.now();
      const isSent = await write(response, bytes);
      // What was still on its way before it is not its own time.
      const beganAt = Math.max(calledAt, sentAt);
      sentAt = performance.now();
      const isSlow = sentAt - beganAt > SLOW_AFTER_MS;
      toProve = isSlow ? PROVEN_FAST : toProve - bytes.length;
      if (part !== undefined) {
        held.delete(part);
        this.#parts.giveBack(part);
      }
      return isSent;
    };

    this.#parts.enter(file);
    const sending: Promise<boolean>[] = [];
    let reading = next();
    try {
      for (let piece = await reading; piece !== undefined; piece = await reading) {
        const isPart = piece.part !== undefined;
        if (isPart) reading = next();
        sending.push(sendPiece(piece));
        // A failure is met where it is waited for.
        reading.catch(() => undefined);
        while (sending.length > (isPart ? MAX_SENDING - 1 : 0)) {
          if (!(await sending.shift())) return;
        }
        if (!isPart) reading = next();
      }
      if ((await Promise.all(sending)).every(Boolean)) response.end();
    } finally {
      // No buffer is used again before all that reads into it or writes from it is over.
      await Promise.allSettled([reading, ...sending]);
      for (const part of held) this.#parts.giveBack(part);
      this.#parts.leave(file);
    }
  }
}

/** Until the system has taken all of it. @returns false where the client goes away before */
async function write(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  const { socket } = response.req;
  if (socket.destroyed) return false;
  return await new Promise((resolve) => {
    const gone = (): void => resolve(false);
    // An answer behind another one on its connection is not told that this was closed.
    socket.once('close', gone);
    response.write(bytes, (error) => {
      socket.off('close', gone);
      resolve(!error);
    });
  });
}
