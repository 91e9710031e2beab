import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import {
  createBuilder,
  DEFAULT_LAYER_BUDGET,
  loadPopularity,
  nixProblem,
  openStateDir,
  PullLog,
  Scrubber,
  withNixOptions,
} from '@nixery/builder';
import { type CacheEvent, createCache } from '@nixery/cache';
import type { Tuning } from '@nixery/storage';

import { Access } from './access/access.ts';
import type { AccessFileError } from './access/access-file.ts';
import { Callers } from './access/callers.ts';
import { DETOURS } from './access/detours.ts';
import { PackageAccess } from './access/package-access.ts';
import { createApp } from './app.ts';
import { BlobLinks } from './blob-links.ts';
import { BuildJournal } from './builds/journal.ts';
import { Composer } from './compose/composition.ts';
import { logBuildEvent, logCacheEvent, logIndexEvent, logScrubEvent } from './events.ts';
import type { Config } from './config.ts';
import { createListener } from './http/listener.ts';
import { Images } from './images/images.ts';
import { PullCounts } from './images/pull-counts.ts';
import { type Logger, logExchange } from './log.ts';
import { LogLevelFile } from './log-level.ts';
import { ManifestBodies } from './manifest-bodies.ts';
import { Metrics } from './metrics/metrics.ts';
import { openStore } from './open-store.ts';
import { errorPage } from './page/error-page.ts';
import { Pages } from './page/pages.ts';
import { BlobRoute } from './routes/blobs.ts';
import { Readiness } from './routes/health.ts';
import { ManifestRoute } from './routes/manifests.ts';
import { RegistryApi } from './routes/v2.ts';
import { PACKAGES_PATH, packageRoutes } from './search/package-routes.ts';
import { PackageSearch } from './search/package-search.ts';
import { WebServer } from './web-server.ts';

/** How long a start waits for the cache; it takes milliseconds, or seconds on a busy disk. Pulls can do without it (ms). */
const CACHE_START_MS = 10_000;

/** How often it is asked whether the search's package set is another: not more and not less often than this (ms). */
const SEARCH_INTERVAL_MS = { least: 600_000, most: 24 * 60 * 60 * 1000 } as const;

/** In the state folder, which is the server's own user's alone. */
const LOG_LEVEL_FILE = 'log-level';

/** Whatever sees to servers has to be answered, has no password, and asks at its own pace. */
const OPEN_TO_ALL: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Answers what is being asked, ends Nix and all threads, and gives files up. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** How patient to be with a bucket, if not as the public clouds want it. */
  readonly storageTuning?: Partial<Tuning>;
  /** How often files of access, of TLS and of the log level are looked at, if not as usual (ms). */
  readonly fileIntervalMs?: number;
}

/**
 * Starts everything. When a part fails to start, those before it are stopped again.
 *
 * @throws AccessFileError, BlobError, StateDirInUse, PopularityError, or the system's error of a folder or port that cannot be used
 */
export async function startServer(
  config: Config,
  logger: Logger,
  { fileIntervalMs, storageTuning }: ServerOptions = {},
): Promise<RunningServer> {
  const closers: (() => Promise<void> | void)[] = [];
  async function close(): Promise<void> {
    for (const closer of closers.toReversed()) await closer();
  }
  function onFileError(error: AccessFileError): void {
    logger.error(
      { reason: error.message },
      'a changed file cannot be used; what it said before holds',
    );
  }
  function onError(error: Error): void {
    logger.error({ err: error }, 'a worker thread failed');
  }
  try {
    const access = await Access.open(config.access, {
      onFileError,
      onError,
      intervalMs: fileIntervalMs,
    });
    closers.push(() => access.stop());
    const { popularityUrl } = config;
    const popularity =
      popularityUrl === undefined ? undefined : await loadPopularity(popularityUrl);
    const redirects = config.storage.backend !== 'filesystem' && config.blobs === 'redirect';
    const metrics = new Metrics();
    const opened = await openStore(config.storage, {
      tuning: storageTuning,
      ...(redirects && { onWarning: (message: string) => logger.warn(message) }),
    });
    const store = metrics.measured(opened);
    const state = await openStateDir(config.stateDir);
    closers.push(() => state.release());
    const logLevel = await LogLevelFile.follow({
      file: join(config.stateDir, LOG_LEVEL_FILE),
      logger,
      intervalMs: fileIntervalMs,
    });
    closers.push(() => logLevel.stop());
    const cache = createCache({
      file: state.cacheFile,
      recencyMs: config.recencyMs,
      onAnswer: (waitedMs) => metrics.cache.noteAnswer(waitedMs),
      onEvent: noteCacheEvent,
    });
    closers.push(() => cache.stop());
    const nixEnv = withNixOptions(process.env, config.nixOptions);
    const readiness = new Readiness({ cache, store, nixProblem: () => nixProblem(nixEnv) });
    const cacheReady = Promise.withResolvers<void>();
    function noteCacheEvent(event: CacheEvent): void {
      logCacheEvent(logger, event);
      metrics.cache.note(event);
      readiness.noteCacheEvent(event);
      if (event.type === 'ready') cacheReady.resolve();
    }
    // What is asked before it has opened its database could time out, and an image would be built that is known.
    await Promise.race([cacheReady.promise, delay(CACHE_START_MS, undefined, { ref: false })]);
    const journal = new BuildJournal();
    const builder = createBuilder({
      source: config.source,
      image: {
        allow: config.allow,
        importFromDerivation: config.importFromDerivation,
        layerBudget: DEFAULT_LAYER_BUDGET,
        popularity,
        compression: config.compression,
      },
      cache,
      store,
      state,
      env: process.env,
      nixOptions: config.nixOptions,
      nixThreads: config.nixThreads,
      maxBuilds: config.maxBuilds,
      maxBuildsPerClient: config.access.buildsPerClient ?? undefined,
      substitutesOnly: config.substitutesOnly,
      staleMs: config.staleMs,
      derivationTimeoutMs: config.derivationTimeoutMs,
      buildTimeoutMs: config.buildTimeoutMs,
      onEvent: (event) => {
        journal.note(event);
        metrics.builds.note(event);
        logBuildEvent(logger, event);
      },
      onError,
    });
    metrics.watch({ builder, cache });
    const { scrubIntervalMs } = config;
    // Buckets keep checksums of what they hold, and ask for every byte that is read.
    const scrubber =
      scrubIntervalMs === null || config.storage.backend !== 'filesystem'
        ? undefined
        : new Scrubber({
            store,
            heal: (digest) => builder.heal(digest, { thorough: true }),
            intervalMs: scrubIntervalMs,
            onEvent: (event) => logScrubEvent(logger, event),
          });
    closers.push(async () => {
      // It may be waiting for a build, which the builder ends.
      await Promise.all([scrubber?.stop(), builder.stop()]);
    });

    const { listsCatalog, systems, webDir } = config;
    const holdTimes = { holdMs: config.holdMs, lastHoldMs: config.lastHoldMs };
    const bodies = new ManifestBodies(store);
    const pulls = new PullLog({
      store,
      onError: (err) => logger.warn({ err }, 'pulls cannot be noted now; it is tried again'),
    });
    closers.push(() => pulls.stop());
    const pullCounts = new PullCounts(pulls);
    const packages = new PackageAccess({ builder, cache, systems });
    const manifests = new ManifestRoute({
      access: packages,
      builder,
      cache,
      bodies,
      systems,
      holdTimes,
      onPull: (digest, isHead) => pullCounts.note(digest, isHead),
    });
    const links = redirects ? new BlobLinks(store) : undefined;
    const blobs = new BlobRoute({ access: packages, builder, cache, store, links, holdTimes });
    const api = new RegistryApi({
      access: packages,
      cache,
      manifests,
      blobs,
      systems,
      listsCatalog,
    });
    const search =
      config.search && config.page !== 'off'
        ? new PackageSearch({
            dir: state.search,
            packageSet: builder.packageSet,
            system: systems[0] ?? 'x86_64-linux',
            allow: config.allow,
            sets: config.searchSets,
            // They are all packages once more.
            closed: DETOURS,
            env: process.env,
            intervalMs: Math.min(
              Math.max(config.recencyMs, SEARCH_INTERVAL_MS.least),
              SEARCH_INTERVAL_MS.most,
            ),
            isBusy: () => builder.load.builds > 0,
            onEvent: (event) => logIndexEvent(logger, event),
            onError,
          })
        : undefined;
    closers.push(() => search?.stop());
    const callers = new Callers();
    const images = new Images({ builder, cache, bodies, pulls: pullCounts, systems });
    const pages =
      config.page === 'off'
        ? undefined
        : new Pages({
            access: packages,
            callers,
            composer: new Composer({ images, search, systems }),
            images,
            journal,
            systems,
          });
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
      opennessOf: (path) => {
        if (OPEN_TO_ALL.has(path)) return 'uncounted';
        const isPage = Pages.has(path) || path === PACKAGES_PATH;
        return config.page === 'public' && isPage ? 'open' : 'closed';
      },
      showsBuilds: showsPages,
      errorPage: showsPages ? errorPage : undefined,
      onBegin: () => metrics.http.begin(),
      onEnd: (exchange, route) => {
        metrics.http.end(exchange, route);
        logExchange(logger, exchange);
      },
    });
    const web = await WebServer.start(config, listener, { onFileError, fileIntervalMs });
    closers.push(() => web.stop());
    closers.push(() => pages?.stop());
    search?.start();
    return { host: web.host, port: web.port, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}
