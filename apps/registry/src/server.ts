import type { Tuning } from '@nixery/storage';

import type { Config } from './config.ts';
import type { Logger } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { openAccess } from './parts/access.ts';
import { startApi } from './parts/api.ts';
import { startBuilds } from './parts/builds.ts';
import { startCache } from './parts/cache.ts';
import type { Context } from './parts/context.ts';
import { createSearch } from './parts/search.ts';
import { openState, openStorage } from './parts/storage.ts';
import { startWeb } from './parts/web.ts';

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
  const stops = new AsyncDisposableStack();
  const context = { config, logger, metrics: new Metrics(), stops, fileIntervalMs };
  try {
    return await startParts(context, storageTuning);
  } catch (error) {
    await stops
      .disposeAsync()
      .catch((err: unknown) => logger.error({ err }, 'a part of the server cannot be stopped'));
    throw error;
  }
}

/** Each part is given those that it stands on. */
async function startParts(
  context: Context,
  storageTuning: Partial<Tuning> | undefined,
): Promise<RunningServer> {
  const access = await openAccess(context);
  const store = await openStorage(context, storageTuning);
  const state = await openState(context);
  const { cache, readiness } = await startCache(context, { state, store });
  const builds = await startBuilds(context, { cache, state, store });
  const { builder } = builds;
  const api = startApi(context, { builder, cache, store });
  const search = createSearch(context, { builder, state });
  const { host, port } = await startWeb(context, {
    ...api,
    ...builds,
    access,
    cache,
    readiness,
    search,
  });
  search?.start();
  return { host, port, stop: () => context.stops.disposeAsync() };
}
