import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { type HttpError, httpErrors } from './errors.ts';

/** What node:http's parser and timers find wrong with a request, by their codes. */
const FAILURES: Readonly<Record<string, () => HttpError>> = {
  HPE_HEADER_OVERFLOW: httpErrors.headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: httpErrors.requestTooSlow,
};

/**
 * Answers what cannot be read as a request in the words of the distribution spec, too. By itself node:http would send a
 * status without a body.
 */
export function answerUnreadable(server: Server): void {
  /** Connections on which an answer is under way: whatever else were written there would become part of it. */
  const answering = new WeakSet<Duplex>();
  server.on('request', ({ socket }, response) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET' || answering.has(socket)) {
      socket.destroy();
      return;
    }
    const { body, status } = (FAILURES[error.code ?? ''] ?? httpErrors.requestMalformed)();
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body.toString()}`);
  });
}
