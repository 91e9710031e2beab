import type { ServerResponse } from 'node:http';

import { type HttpError, toHttpError } from './errors.ts';

/** Sends an error as the distribution spec words them; one that cannot be sent any more breaks the connection. */
export function sendError(response: ServerResponse, error: unknown): HttpError {
  const httpError = toHttpError(error);
  if (response.headersSent) {
    // A short body must not look like a whole one.
    response.destroy();
    return httpError;
  }
  const { status, code, message, detail, headers } = httpError;
  const body = Buffer.from(
    `${JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] })}\n`,
  );
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
  return httpError;
}

export function sendJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Sends a client that would wait too long round to ask again. */
export function sendOn(response: ServerResponse, location: string): void {
  response.writeHead(307, { Location: location, 'Cache-Control': 'no-store', 'Content-Length': 0 });
  response.end();
}

/** Whether `If-None-Match` names this digest: the client has it (RFC 9110, section 13.1.2). */
export function hasMatch(ifNoneMatch: string | undefined, digest: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}
