import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import {
  createBuilder,
  DEFAULT_LAYER_BUDGET,
  loadPopularity,
  nixProblem,
  openStateDir,
  Scrubber,
} from '@nixery/builder';
import { type CacheEvent, createCache } from '@nixery/cache';
import type { Tuning } from '@nixery/storage';

import { createApp } from './app.ts';
import { BlobLinks } from './blob-links.ts';
import { BuildJournal } from './builds/journal.ts';
import { logBuildEvent, logCacheEvent, logScrubEvent } from './events.ts';
import type { Config } from './config.ts';
import { createListener } from './http/listener.ts';
import { type Logger, logExchange } from './log.ts';
import { ManifestBodies } from './manifest-bodies.ts';
import { openStore } from './open-store.ts';
import { Pages } from './page/pages.ts';
import { BlobRoute } from './routes/blobs.ts';
import { Readiness } from './routes/health.ts';
import { ManifestRoute } from './routes/manifests.ts';
import { RegistryApi } from './routes/v2.ts';

/** Connections without a request are kept longer than proxies keep theirs, so that it is never we who close first (ms). */
const KEEP_ALIVE_MS = 95_000;

/** Once told to stop, how long requests that are being answered may take (ms). */
const DRAIN_MS = 20_000;
const SWEEP_MS = 50;

/** How long a start waits for the cache; it takes milliseconds, or seconds on a busy disk. Pulls can do without it (ms). */
const CACHE_START_MS = 10_000;

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Answers what is being asked, ends Nix and all threads, and gives files up. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** How patient to be with a bucket, if not as the public clouds want it. */
  readonly storageTuning?: Partial<Tuning>;
}

/**
 * Starts everything. When a part fails to start, those before it are stopped again.
 *
 * @throws BlobError, StateDirInUse, PopularityError, or the system's error of a folder or port that cannot be used
 */
export async function startServer(
  config: Config,
  logger: Logger,
  { storageTuning }: ServerOptions = {},
): Promise<RunningServer> {
  const closers: (() => Promise<void> | void)[] = [];
  async function close(): Promise<void> {
    for (const closer of closers.toReversed()) await closer();
  }
  try {
    const { popularityUrl } = config;
    const popularity =
      popularityUrl === undefined ? undefined : await loadPopularity(popularityUrl);
    const redirects = config.storage.backend !== 'filesystem' && config.blobs === 'redirect';
    const store = await openStore(config.storage, {
      tuning: storageTuning,
      ...(redirects && { onWarning: (message: string) => logger.warn(message) }),
    });
    const state = await openStateDir(config.stateDir);
    closers.push(() => state.release());
    const cache = createCache({
      file: state.cacheFile,
      recencyMs: config.recencyMs,
      onEvent: noteCacheEvent,
    });
    closers.push(() => cache.stop());
    const readiness = new Readiness({ cache, store, nixProblem: () => nixProblem(process.env) });
    const cacheReady = Promise.withResolvers<void>();
    function noteCacheEvent(event: CacheEvent): void {
      logCacheEvent(logger, event);
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
      nixThreads: config.nixThreads,
      maxBuilds: config.maxBuilds,
      staleMs: config.staleMs,
      derivationTimeoutMs: config.derivationTimeoutMs,
      buildTimeoutMs: config.buildTimeoutMs,
      onEvent: (event) => {
        journal.note(event);
        logBuildEvent(logger, event);
      },
      onError: (error) => logger.error({ err: error }, 'a worker thread failed'),
    });
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

    const { holdMs, webDir } = config;
    const bodies = new ManifestBodies(store);
    const manifests = new ManifestRoute({ builder, cache, bodies, holdMs });
    const links = redirects ? new BlobLinks(store) : undefined;
    const blobs = new BlobRoute({ builder, cache, store, links, holdMs });
    const api = new RegistryApi({ cache, manifests, blobs });
    const pages = new Pages(journal);
    const listener = createListener({
      api,
      app: createApp({ pages, readiness, webDir }),
      onEnd: (exchange) => logExchange(logger, exchange),
    });
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener);
    const { address, port } = await listen(server, config);
    closers.push(() => drain(server));
    closers.push(() => pages.stop());
    return { host: address, port, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(server: Server, { host, port }: Config): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP address');
  return address;
}

/** Takes no more connections and waits for the answers under way; those that take too long are cut off. */
async function drain(server: Server): Promise<void> {
  // `close` ends the connections that are idle now; those that are answered later would be kept alive.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
  clearTimeout(cutOff);
}
