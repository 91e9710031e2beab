import { closeSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';

import type { ByteSpan, OpenBlob, OpenFile } from '@nixery/storage';

import { descriptorOf, loadSendfile, type Sendfile } from './sendfile.ts';

/** What goes out through this process, in bytes: the first of every file, and what a connection has to take before it is given more. */
const CHUNK = 64 * 1024;

/** What the kernel is asked to send at a time, in bytes: few calls where the client keeps up, and none that takes long. */
const MAX_SENT = 4 * 1024 * 1024;

/** Calls to the kernel at a time; koffi keeps memory for as many. */
const MAX_CALLS = 8;

/** In place of a descriptor, where there is none. */
const NONE = -1;

/** @param bytes that the client's connection has taken past node:http */
export type OnSent = (bytes: number) => void;

/**
 * Sends blobs to clients. The kernel sends files itself; whenever the connection takes no more of that, one small chunk is
 * written as node:http writes, which waits until the connection takes it, and so for the client. Thousands of clients that
 * stall then hold a chunk each. What is encrypted, or is no file, goes through this process.
 */
export class FileSender {
  #sendfile: Promise<Sendfile | undefined> | undefined;
  readonly #waiting: (() => void)[] = [];
  #calls = 0;

  /** @param sendfile gives undefined where there is none; the system's, which the first file has loaded, if not told */
  constructor(sendfile?: Promise<Sendfile | undefined>) {
    this.#sendfile = sendfile;
  }

  /**
   * Sends the body of an answer whose headers are written, and ends it; where the client goes away, the rest is not sent. The
   * blob is not read any more when this is over, but still has to be destroyed.
   *
   * @param onSent is told of all progress that `response` does not tell
   * @throws what reading the blob fails with: the answer then lacks the rest
   */
  async send(response: ServerResponse, blob: OpenBlob, onSent: OnSent): Promise<void> {
    const { socket } = response.req;
    const { body, file, span } = blob;
    const isForKernel = file !== undefined && !(socket instanceof TLSSocket);
    const sendfile = isForKernel ? await (this.#sendfile ??= loadSendfile()) : undefined;
    if (sendfile === undefined || file === undefined) await pipeline(body, response);
    else await this.#sendFile(sendfile, response, file, span, onSent);
  }

  async #sendFile(
    sendfile: Sendfile,
    response: ServerResponse,
    file: OpenFile,
    { offset, length }: ByteSpan,
    onSent: OnSent,
  ): Promise<void> {
    const { socket } = response.req;
    const end = offset + length;
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, length));
    let position = offset;
    let connection: number | undefined;
    try {
      while (position < end) {
        const wanted = chunk.subarray(0, end - position);
        const bytes = wanted.subarray(0, await file.read(wanted, position));
        if (!(await write(response, bytes))) return;
        position += bytes.length;
        onSent(0);
        if (position === end) break;
        // Not before the first chunk has gone: until then the connection may be another answer's.
        connection ??= sendfile.duplicate(descriptorOf(socket) ?? NONE);
        if (connection === NONE) continue;
        for (let taken = MAX_SENT; taken === MAX_SENT && position < end && !socket.destroyed;) {
          taken = await this.#call(sendfile, connection, file.fd, position, end - position);
          position += taken;
          onSent(taken);
        }
      }
      if (!socket.destroyed) response.end();
    } finally {
      if (connection !== undefined && connection !== NONE) closeSync(connection);
    }
  }

  /** @returns bytes sent; none where that failed, which reading the file will tell, or writing to the client */
  async #call(
    { send }: Sendfile,
    connection: number,
    file: number,
    position: number,
    left: number,
  ): Promise<number> {
    if (this.#calls === MAX_CALLS) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#calls += 1;
    try {
      return Math.max(0, await send(connection, file, position, Math.min(MAX_SENT, left)));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#calls -= 1;
      else next();
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
