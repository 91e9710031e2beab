import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { registryHost } from './host.ts';
import { type HttpError, toHttpError } from './errors.ts';
import { parseTraceparent } from './trace-context.ts';

/** A request id from outside is kept when it cannot harm a log or a header. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Names and values in turn. node:http sends these as they are; an object of headers it copies, checks and sorts first. */
export type RawHeaders = readonly string[];

/** An error in other words than those of the distribution spec. */
export interface ErrorDocument {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One request and the answer to it. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  /** The request's target as it was sent: Express rewrites that of the request. */
  readonly url: string;
  /** Of `url`, without the query. */
  readonly path: string;
  /** Who has said rightly who they are; null until then. */
  user: string | null = null;
  /** Where it comes from, as logs say. */
  client: string | undefined;
  /** Of the build that it waits or waited for. */
  build: string | undefined;
  readonly #startedAt = performance.now();
  #sentBefore: number;
  #failure: HttpError | undefined;

  readonly #showsBuilds: boolean;

  /** @param showsBuilds whether builds have pages, which errors can name */
  constructor(request: IncomingMessage, response: ServerResponse, showsBuilds = false) {
    this.request = request;
    this.#showsBuilds = showsBuilds;
    this.response = response;
    const given = request.headers['x-request-id'];
    this.id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    this.url = originForm(request.url ?? '');
    const queryAt = this.url.indexOf('?');
    this.#sentBefore = request.socket.bytesWritten;
    this.path = queryAt === -1 ? this.url : this.url.slice(0, queryAt);
  }

  get hasQuery(): boolean {
    return this.path.length < this.url.length;
  }

  /** What follows the path. Every call reads it anew. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.url.slice(this.path.length));
  }

  /** What a log calls it, and the trace it belongs to. */
  get ids(): Readonly<Record<string, string>> {
    const header = this.request.headers['traceparent'];
    const trace = typeof header === 'string' ? parseTraceparent(header) : undefined;
    if (trace === undefined) return { req: this.id };
    // https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
    return { req: this.id, trace_id: trace.traceId, span_id: trace.parentId };
  }

  get isHead(): boolean {
    return this.request.method === 'HEAD';
  }

  /** The client has gone, or has its answer. */
  get isOver(): boolean {
    return this.response.destroyed;
  }

  /** ms since it began. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Bytes of the answer so far, headers included. */
  get bytesSent(): number {
    return this.request.socket.bytesWritten - this.#sentBefore;
  }

  /** Counts bytes of the answer that went to the client past node:http. */
  countSent(bytes: number): void {
    this.#sentBefore -= bytes;
  }

  /** The error that was answered. */
  get failure(): HttpError | undefined {
    return this.#failure;
  }

  /** Sends status and headers, with those that every answer has. */
  writeHead(status: number, headers: RawHeaders): void {
    this.response.writeHead(status, [
      'X-Request-Id',
      this.id,
      'Docker-Distribution-Api-Version',
      'registry/2.0',
      ...headers,
    ]);
  }

  /** Sends an answer without a body. */
  sendHead(status: number, headers: RawHeaders): void {
    this.writeHead(status, headers);
    this.response.end();
  }

  /**
   * Sends a whole answer, to HEAD only its headers.
   *
   * @param body latin1: each character stands for a byte. node:http writes a string together with the headers, in one piece
   */
  send(status: number, headers: RawHeaders, body: string): void {
    this.writeHead(status, [...headers, 'Content-Length', String(body.length)]);
    if (this.isHead) this.response.end();
    else this.response.end(body, 'latin1');
  }

  /**
   * Sends an error, as the distribution spec words them unless told otherwise; one that cannot be sent any more breaks the
   * connection.
   */
  fail(error: unknown, write: (failure: HttpError) => ErrorDocument = ociError): void {
    const { host } = this.request.headers;
    const failure = toHttpError(
      error,
      this.#showsBuilds ? `${registryHost(host)}/builds` : undefined,
    );
    this.#failure = failure;
    if (this.response.headersSent) {
      // A short body must not look like a whole one.
      this.response.destroy();
      return;
    }
    const document = write(failure);
    const headers = { ...document.headers, 'Cache-Control': 'no-store', ...failure.headers };
    this.send(failure.status, Object.entries(headers).flat(), document.body.toString('latin1'));
  }
}

function ociError({ body }: HttpError): ErrorDocument {
  return { headers: { 'Content-Type': 'application/json' }, body };
}

/** A proxy may ask with a whole address. https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form */
function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
}
