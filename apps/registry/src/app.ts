import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';

import { httpErrors } from './http/errors.ts';
import { sendError } from './http/respond.ts';
import { type Logger, logRequest } from './log.ts';
import type { Pages } from './page/pages.ts';
import type { Readiness } from './routes/health.ts';
import type { RegistryApi } from './routes/v2.ts';

export interface AppOptions {
  readonly api: RegistryApi;
  readonly readiness: Readiness;
  readonly logger: Logger;
  readonly pages: Pages;
  /** Replaces the pages with a static site. */
  readonly webDir: string | undefined;
}

export function createApp({ api, logger, pages, readiness, webDir }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);

  const log: RequestHandler = (request, response, next) => {
    logRequest(logger, request, response, () => response.locals['failure']);
    next();
  };
  app.use(log);

  app.use('/v2', async (request, response) => {
    await api.serve(request, response, request.originalUrl);
  });

  app.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  app.get('/readyz', async (_request, response) => {
    const report = await readiness.report();
    response
      .status(report.ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(report);
  });

  app.use(webDir === undefined ? pages.router : express.static(webDir));

  app.use(() => {
    throw httpErrors.routeUnknown();
  });

  app.use(onError);
  return app;
}

// Express tells error handlers by their four parameters.
const onError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  const sent = sendError(response, error);
  response.locals['failure'] = sent.cause ?? sent;
};
