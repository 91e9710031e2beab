import type { Exchange } from './exchange.ts';

/** As latin1. */
export function jsonBody(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('latin1');
}

export function sendJson(exchange: Exchange, value: object): void {
  exchange.send(200, ['Content-Type', 'application/json'], jsonBody(value));
}

/** Sends a client to another address, for this once. */
export function sendOn(exchange: Exchange, location: string): void {
  const headers = ['Location', location, 'Cache-Control', 'no-store', 'Content-Length', '0'];
  exchange.sendHead(307, headers);
}

/** Whether `If-None-Match` names this digest: the client has it (RFC 9110, section 13.1.2). */
export function hasMatch(ifNoneMatch: string | undefined, digest: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}
