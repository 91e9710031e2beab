import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { chunksOf } from '../bucket/body.ts';
import { BlobError } from '../error.ts';

/** Bytes, or a stream of so many of them, which the request ends if it fails. */
export type HttpBody = Uint8Array | { readonly byteLength: number; readonly stream: Readable };

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody | undefined;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** The whole body, of at most {@link TEXT_MAX_BYTES}. */
  text(): Promise<string>;
  /** The body as a stream, whose reader has to notice stalls by itself from now on. */
  stream(): IncomingMessage;
}

export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** A page of a listing takes 200 KiB. */
const TEXT_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Sends requests over kept connections, through the proxy that the environment names, if any.
 *
 * @param idleMs - a connection on which nothing moves for so long is broken, in ms.
 */
export function createHttp(idleMs: number): Http {
  const options = { keepAlive: true, proxyEnv: process.env };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);

  return ({ method, url, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method,
        headers: { ...headers, 'Content-Length': String(body?.byteLength ?? 0) },
        agent: secure ? httpsAgent : httpAgent,
        signal,
        timeout: idleMs,
      });
      const what = `${method} ${url.origin}${url.pathname}`;
      request.once('timeout', () => {
        request.destroy(new BlobError('unavailable', `${what} stalls for ${idleMs} ms`));
      });
      // Stays after the answer has come: the server may answer, and hang up, before it has read all of the body.
      request.on('error', (cause) => {
        const { message } = cause;
        const isKnown = cause instanceof BlobError;
        reject(
          isKnown ? cause : new BlobError('unavailable', `${what} fails: ${message}`, { cause }),
        );
      });
      request.once('response', (response) => {
        // A server that answers before it has the whole body does not want the rest.
        if (!request.writableEnded) response.once('end', () => request.destroy());
        resolve(answerOf(response, what, idleMs));
      });
      if (body === undefined || body instanceof Uint8Array) {
        request.end(body);
        return;
      }
      // Its errors are the request's.
      pipeline(body.stream, request, () => undefined);
    });
}

function answerOf(response: IncomingMessage, what: string, idleMs: number): HttpAnswer {
  return {
    status: response.statusCode ?? 0,
    header(name) {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(',') : value;
    },
    async text() {
      const chunks = chunksOf(response, idleMs, `the answer to ${what}`);
      const pieces: Buffer[] = [];
      let size = 0;
      for (let piece = await chunks.next(); piece !== null; piece = await chunks.next()) {
        pieces.push(piece);
        size += piece.length;
        if (size > TEXT_MAX_BYTES) {
          response.destroy();
          throw new BlobError('unavailable', `The answer to ${what} is too long`);
        }
      }
      return Buffer.concat(pieces).toString('utf8');
    },
    stream() {
      response.socket.setTimeout(0);
      return response;
    },
  };
}
