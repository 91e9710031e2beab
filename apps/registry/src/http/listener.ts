import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { Access } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import type { RegistryApi } from '../routes/v2.ts';
import { httpErrors } from './errors.ts';
import { Exchange } from './exchange.ts';
import { labelOf, parseRoute, type Route, type RouteLabel } from './route.ts';

export interface ListenerOptions {
  readonly access: Pick<Access, 'admit'>;
  readonly api: RegistryApi;
  /** Everything that is not the API. Gives to `next` what it does not answer. */
  readonly app: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;
  /** Whether builds have pages, which errors can name. */
  readonly showsBuilds: boolean;
  /** Paths, none of them of the API, that everybody may ask for, whoever may use the rest. */
  readonly isOpen: (path: string) => boolean;
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
  isOpen,
  showsBuilds,
  onBegin,
  onEnd,
}: ListenerOptions): RequestListener {
  function answer(exchange: Exchange, route: Route | undefined, caller: Caller): void {
    const { request, response } = exchange;
    exchange.user = caller.user;
    if (route !== undefined) {
      api.serve(exchange, route, caller).catch((error: unknown) => exchange.fail(error));
    } else {
      answerOther(exchange, request, response);
    }
  }

  function answerOther(
    exchange: Exchange,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    response.setHeader('X-Request-Id', exchange.id);
    app(request, response, (error) => exchange.fail(fromExpress(error)));
  }

  return (request, response) => {
    const exchange = new Exchange(request, response, showsBuilds);
    const { path } = exchange;
    const isApi = path === '/v2' || path.startsWith('/v2/');
    const route = isApi ? parseRoute(path) : undefined;
    onBegin();
    response.on('close', () => onEnd(exchange, route?.kind ?? labelOf(path)));
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      exchange.fail(httpErrors.hostMissing());
      return;
    }
    if (isOpen(path)) {
      answerOther(exchange, request, response);
      return;
    }
    try {
      const caller = access.admit(request);
      if (caller instanceof Promise) {
        caller
          .then((admitted) => answer(exchange, route, admitted))
          .catch((error: unknown) => exchange.fail(error));
      } else {
        answer(exchange, route, caller);
      }
    } catch (error) {
      exchange.fail(error);
    }
  };
}

/** Express gives up on what it cannot decode with an error that has the status of an answer. */
function fromExpress(error: unknown): unknown {
  if (error === undefined) return httpErrors.routeUnknown();
  const isOfRequest =
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status >= 400 &&
    error.status < 500;
  return isOfRequest ? httpErrors.requestMalformed() : error;
}
