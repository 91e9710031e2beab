import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { Access } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import type { Callers } from '../access/callers.ts';
import type { RegistryApi } from '../routes/v2.ts';
import { HttpError, httpErrors } from './errors.ts';
import { type ErrorDocument, Exchange } from './exchange.ts';
import { labelOf, parseRoute, type Route, type RouteLabel } from './route.ts';
import { Turn } from './turn.ts';

/**
 * Who may ask for a path: `closed`, who is admitted; `open`, none of them of the API, everybody; `uncounted`, everybody, and
 * as often as they like.
 */
export type Openness = 'closed' | 'open' | 'uncounted';

export interface ListenerOptions {
  readonly access: Pick<Access, 'addressOf' | 'admit' | 'stranger'>;
  /** Told who makes each request that `app` is given. */
  readonly callers: Callers;
  readonly api: RegistryApi;
  /** Everything that is not the API. Gives to `next` what it does not answer. */
  readonly app: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;
  /** Whether builds have pages, which errors can name. */
  readonly showsBuilds: boolean;
  /** An error outside the API, for who wants a page; undefined where there are none. */
  readonly errorPage: ((failure: HttpError, requestId: string) => ErrorDocument) | undefined;
  readonly opennessOf: (path: string) => Openness;
  /** Told of each exchange when it begins, and when its answer has gone out or broken off. Must not throw. */
  readonly onBegin: () => void;
  readonly onEnd: (exchange: Exchange, route: RouteLabel) => void;
}

/**
 * Takes every request. Those to the API, many and small, are answered without Express, which alone would take longer than
 * all the rest of an answer from the cache.
 */
export function createListener({
  access,
  api,
  app,
  callers,
  errorPage,
  opennessOf,
  showsBuilds,
  onBegin,
  onEnd,
}: ListenerOptions): RequestListener {
  function answer(exchange: Exchange, route: Route | undefined, caller: Caller): void {
    exchange.user = caller.user;
    if (route !== undefined) {
      api.serve(exchange, route, caller).catch((error: unknown) => exchange.fail(error));
    } else {
      answerOther(exchange, caller);
    }
  }

  function answerOther(exchange: Exchange, caller: Caller): void {
    const { request, response } = exchange;
    callers.note(request, caller);
    response.setHeader('X-Request-Id', exchange.id);
    app(request, response, (error) => fail(exchange, undefined, fromExpress(error)));
  }

  function fail(exchange: Exchange, route: Route | undefined, error: unknown): void {
    if (route !== undefined || errorPage === undefined || !wantsPage(exchange.request)) {
      exchange.fail(error);
    } else {
      exchange.fail(error, (failure) => errorPage(failure, exchange.id));
    }
  }

  function admit(exchange: Exchange, route: Route | undefined): void {
    const { path, request } = exchange;
    try {
      const hosts = countHosts(request);
      if (hosts > 1 || (hosts === 0 && request.httpVersion === '1.1')) {
        exchange.fail(httpErrors.hostMissing());
        return;
      }
      const openness = opennessOf(path);
      if (openness !== 'closed') {
        answerOther(exchange, access.stranger(request, { isCounted: openness === 'open' }));
        return;
      }
      const caller = access.admit(request);
      if (caller instanceof Promise) {
        caller
          .then((admitted) => answer(exchange, route, admitted))
          .catch((error: unknown) => fail(exchange, route, error));
      } else {
        answer(exchange, route, caller);
      }
    } catch (error) {
      fail(exchange, route, error);
    }
  }

  const turn = new Turn();
  return (request, response) => {
    const exchange = new Exchange(request, response, showsBuilds);
    const { path } = exchange;
    // Of a connection that has gone, nobody could say any more.
    exchange.client = access.addressOf(request);
    const isApi = path === '/v2' || path.startsWith('/v2/');
    const route = isApi ? parseRoute(path) : undefined;
    onBegin();
    response.on('close', () => onEnd(exchange, route?.kind ?? labelOf(path)));
    // Nothing is upgraded to, but the parser takes whatever follows for the other protocol.
    if (request.headers.upgrade !== undefined || isOddlyFramed(request)) {
      response.shouldKeepAlive = false;
    }
    turn.put(() => admit(exchange, route));
  };
}

/** Browsers name HTML; scripts and probes, which take anything, do not. */
function wantsPage({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('text/html') === true;
}

/**
 * Chunks are unknown to HTTP/1.0: where such a request ends, whoever sent it on may see otherwise.
 * https://www.rfc-editor.org/rfc/rfc9112#name-transfer-encoding
 */
function isOddlyFramed({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion !== '1.1' && headers['transfer-encoding'] !== undefined;
}

/** https://www.rfc-editor.org/rfc/rfc9112#name-request-target: one, and of several node:http would tell the first alone. */
function countHosts({ headers, rawHeaders }: IncomingMessage): number {
  if (headers.host === undefined) return 0;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 'host'.length && name.toLowerCase() === 'host') count++;
  }
  return count;
}

/** Express gives up on what it cannot decode with an error that has the status of an answer. */
function fromExpress(error: unknown): unknown {
  if (error === undefined) return httpErrors.routeUnknown();
  if (error instanceof HttpError) return error;
  const isOfRequest =
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status >= 400 &&
    error.status < 500;
  return isOfRequest ? httpErrors.requestMalformed() : error;
}
