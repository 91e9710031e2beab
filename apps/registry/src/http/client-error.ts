import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
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
  /** The answer that is under way on a connection: whatever else were written there would become part of it. */
  const answers = new WeakMap<Duplex, ServerResponse>();
  const ending = new WeakSet<Duplex>();
  server.on('request', ({ socket }, response) => {
    answers.set(socket, response);
    response.once('close', () => {
      if (answers.get(socket) === response) answers.delete(socket);
    });
  });

  function end(socket: Duplex, failure: HttpError): void {
    // The parser goes on complaining.
    if (ending.has(socket)) return;
    ending.add(socket);
    const response = answers.get(socket);
    if (response === undefined) refuse(socket, failure);
    // What came before is answered yet.
    else response.once('close', () => hangUp(socket));
  }

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else end(socket, (FAILURES[error.code ?? ''] ?? httpErrors.requestMalformed)());
  });
  // https://www.rfc-editor.org/rfc/rfc9110#name-connect
  server.on('connect', (_request, socket) => end(socket, httpErrors.readOnly()));
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
  hangUp(socket, `${head.join('\r\n')}\r\n\r\n${body.toString()}`);
}

/** Ends a connection that node:http has let go of once everything is sent, this last. */
function hangUp(socket: Duplex, last = ''): void {
  // Nobody else listens any more, and whoever reset the connection needs no answer.
  socket.on('error', () => {});
  // What is left unread would reset the connection, and with it the answer.
  socket.resume();
  socket.end(last);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}
