import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { RegistryApi } from '../routes/v2.ts';
import { httpErrors } from './errors.ts';
import { Exchange } from './exchange.ts';
import { parseRoute } from './route.ts';

export interface ListenerOptions {
  readonly api: RegistryApi;
  /** Everything that is not the API. Gives to `next` what it does not answer. */
  readonly app: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;
  /** Told of each exchange when its answer has gone out or broken off. Must not throw. */
  readonly onEnd: (exchange: Exchange) => void;
}

/**
 * Takes every request. Those to the API, many and small, are answered without Express, which alone would take longer than
 * all the rest of an answer from the cache.
 */
export function createListener({ api, app, onEnd }: ListenerOptions): RequestListener {
  return (request, response) => {
    const exchange = new Exchange(request, response);
    response.on('close', () => onEnd(exchange));
    if (exchange.path === '/v2' || exchange.path.startsWith('/v2/')) {
      api
        .serve(exchange, parseRoute(exchange.path))
        .catch((error: unknown) => exchange.fail(error));
      return;
    }
    response.setHeader('X-Request-Id', exchange.id);
    app(request, response, (error = httpErrors.routeUnknown()) => exchange.fail(error));
  };
}
