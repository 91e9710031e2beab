import type { CacheClient } from '@nixery/cache';

import type { Access } from '../access/access.ts';
import { Callers } from '../access/callers.ts';
import { createApp } from '../app.ts';
import { Composer } from '../compose/composition.ts';
import type { Config } from '../config.ts';
import { createListener, type Openness } from '../http/listener.ts';
import { Images } from '../images/images.ts';
import { logExchange } from '../log.ts';
import { errorPage } from '../page/error-page.ts';
import { Pages } from '../page/pages.ts';
import type { Readiness } from '../routes/health.ts';
import { PACKAGES_PATH, packageRoutes } from '../search/package-routes.ts';
import type { PackageSearch } from '../search/package-search.ts';
import { WebServer } from '../web-server.ts';
import type { Api } from './api.ts';
import type { Builds } from './builds.ts';
import { type Context, fileErrorTo } from './context.ts';

/** Whatever sees to servers has to be answered, has no password, and asks at its own pace. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

export interface WebOptions extends Api, Builds {
  readonly access: Access;
  readonly cache: CacheClient;
  readonly readiness: Readiness;
  readonly search: PackageSearch | undefined;
}

/** Answers on the port. @throws AccessFileError, or the system's error of a port that cannot be used */
export async function startWeb(context: Context, options: WebOptions): Promise<WebServer> {
  const { config, fileIntervalMs, logger, metrics, stops } = context;
  const { access, api, readiness, search } = options;
  const { webDir } = config;
  const callers = new Callers();
  const pages = config.page === 'off' ? undefined : createPages(config, callers, options);
  const showsPages = pages !== undefined && webDir === undefined;
  const listener = createListener({
    access,
    api,
    callers,
    app: createApp({
      metrics: config.metrics ? metrics : undefined,
      packages: search && packageRoutes(search, callers),
      pages,
      readiness,
      webDir,
    }),
    opennessOf: (path) => opennessOf(path, config),
    showsBuilds: showsPages,
    errorPage: showsPages ? errorPage : undefined,
    onBegin: () => metrics.http.begin(),
    onEnd: (exchange, route) => {
      metrics.http.end(exchange, route);
      logExchange(logger, exchange);
    },
  });
  const onFileError = fileErrorTo(logger);
  const web = await WebServer.start(config, listener, { onFileError, fileIntervalMs });
  stops.defer(() => web.stop());
  // Before the server waits for what is being answered: streams go on without end.
  stops.defer(() => pages?.stop());
  return web;
}

function createPages(
  { systems }: Config,
  callers: Callers,
  { bodies, builder, cache, journal, packages, pulls, search }: WebOptions,
): Pages {
  const images = new Images({ builder, cache, bodies, pulls, systems });
  const composer = new Composer({ images, search, systems });
  return new Pages({ access: packages, callers, composer, images, journal, systems });
}

function opennessOf(path: string, { page }: Config): Openness {
  if (PROBES.has(path)) return 'uncounted';
  const isPage = Pages.has(path) || path === PACKAGES_PATH;
  return page === 'public' && isPage ? 'open' : 'closed';
}
