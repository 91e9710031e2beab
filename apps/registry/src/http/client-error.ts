import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { type HttpError, httpErrors } from './errors.ts';

/** What node:http's parser and timers find wrong with a request, by their codes. */
const FAILURES: Readonly<Record<string, () => HttpError>> = {
  HPE_HEADER_OVERFLOW: httpErrors.headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: httpErrors.requestTooSlow,
};

/** For how long the other side may take to read a refusal and hang up (ms). */
const LINGER_MS = 2_000;

/**
 * Answers what cannot be read as a request in the words of the distribution spec, too, and what asks for a tunnel. By
 * itself node:http would send a status without a body, or hang up.
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
    refuse(socket, (FAILURES[error.code ?? ''] ?? httpErrors.requestMalformed)());
  });
  // https://www.rfc-editor.org/rfc/rfc9110#name-connect
  server.on('connect', (_request, socket) => {
    if (answering.has(socket)) socket.destroy();
    else refuse(socket, httpErrors.readOnly());
  });
}

/** Writes an error to a connection that node:http has let go of, and ends it. */
function refuse(socket: Duplex, { body, headers, status }: HttpError): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  // Nobody else listens any more, and whoever reset the connection needs no answer.
  socket.on('error', () => {});
  // What is left unread would reset the connection, and with it the answer.
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${body.toString()}`);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}
