import { setTimeout as delay } from 'node:timers/promises';

import { nixProblem, type StateDir, withNixOptions } from '@nixery/builder';
import { type CacheClient, type CacheEvent, createCache } from '@nixery/cache';
import type { BlobStatter } from '@nixery/storage';

import { logCacheEvent } from '../events.ts';
import { Readiness } from '../routes/health.ts';
import type { Context } from './context.ts';

/** How long a start waits for the cache; it takes milliseconds, or seconds on a busy disk. Pulls can do without it (ms). */
const START_MS = 10_000;

/** The cache, and whether this server is ready: mostly a matter of the cache. */
export async function startCache(
  { config, logger, metrics, stops }: Context,
  { state, store }: { readonly state: StateDir; readonly store: BlobStatter },
): Promise<{ readonly cache: CacheClient; readonly readiness: Readiness }> {
  const isReady = Promise.withResolvers<void>();
  const cache = createCache({
    file: state.cacheFile,
    recencyMs: config.recencyMs,
    onAnswer: (waitedMs) => metrics.cache.noteAnswer(waitedMs),
    onEvent: note,
  });
  stops.defer(() => cache.stop());
  const nixEnv = withNixOptions(process.env, config.nixOptions);
  const readiness = new Readiness({ cache, store, nixProblem: () => nixProblem(nixEnv) });
  function note(event: CacheEvent): void {
    logCacheEvent(logger, event);
    metrics.cache.note(event);
    readiness.noteCacheEvent(event);
    if (event.type === 'ready') isReady.resolve();
  }
  // What is asked before it has opened its database could time out, and an image would be built that is known.
  await Promise.race([isReady.promise, delay(START_MS, undefined, { ref: false })]);
  return { cache, readiness };
}
