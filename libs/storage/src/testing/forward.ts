import { once } from 'node:events';
import {
  request as httpRequest,
  type Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';

/** Sends a request that has come on to another server, with a body of the caller's, and answers its response. */
export async function forward(
  request: IncomingMessage,
  target: string,
  body: Uint8Array,
  agent: Agent,
  method = request.method,
): Promise<IncomingMessage> {
  const headers: OutgoingHttpHeaders = { ...request.headers, connection: 'keep-alive' };
  delete headers['transfer-encoding'];
  if (method === request.method) headers['content-length'] = body.byteLength;
  else delete headers['content-length'];
  const options = { method: method ?? 'GET', headers, agent };
  const sent = httpRequest(new URL(request.url ?? '', target), options);
  sent.end(body);
  const [response]: unknown[] = await once(sent, 'response');
  if (!isMessage(response)) throw new Error('The server answers with something else');
  return response;
}

function isMessage(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'statusCode' in value;
}
