import express, { type Express, type Router } from 'express';

import type { Metrics } from './metrics/metrics.ts';
import type { Pages } from './page/pages.ts';
import type { Readiness } from './routes/health.ts';

export interface AppOptions {
  readonly readiness: Readiness;
  /** Undefined where they are not shown. */
  readonly pages: Pages | undefined;
  /** The search for packages; undefined where there is none. */
  readonly packages: Router | undefined;
  /** Undefined where they are not shown. */
  readonly metrics: Metrics | undefined;
  /** Replaces the pages with a static site. */
  readonly webDir: string | undefined;
}

/** What is for people and for operators: everything but the API. Errors and unknown addresses are the caller's to answer. */
export function createApp({ metrics, packages, pages, readiness, webDir }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // One spelling for each address: a proxy that refuses /metrics does not know of /Metrics and /metrics/.
  app.enable('case sensitive routing');
  app.enable('strict routing');

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

  if (metrics !== undefined) {
    app.get('/metrics', async (_request, response) => {
      const exposition = await metrics.render();
      response.set('Cache-Control', 'no-store').type(metrics.contentType).send(exposition);
    });
  }

  if (packages !== undefined) app.use(packages);
  if (webDir !== undefined) app.use(express.static(webDir));
  else if (pages !== undefined) app.use(pages.router);
  return app;
}
