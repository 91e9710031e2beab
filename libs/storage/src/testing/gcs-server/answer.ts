import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request to the server: what its handlers need, and how they answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

export function answerJson({ response }: Exchange, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=UTF-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function answerError(exchange: Exchange, status: number, reason: string): void {
  answerJson(exchange, status, { error: { code: status, message: reason, errors: [{ reason }] } });
}
