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

/** The whole body; null if the connection broke before its end. `received` sees each chunk as it comes. */
export async function readBody(
  request: IncomingMessage,
  received?: (chunk: Buffer) => void,
): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue;
      chunks.push(chunk);
      received?.(chunk);
    }
  } catch {
    return null;
  }
  return request.complete ? Buffer.concat(chunks) : null;
}
