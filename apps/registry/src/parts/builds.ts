import {
  type Builder,
  createBuilder,
  DEFAULT_LAYER_BUDGET,
  loadPopularity,
  Scrubber,
  type StateDir,
} from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';

import { BuildJournal } from '../builds/journal.ts';
import { logBuildEvent, logScrubEvent } from '../events.ts';
import { type Context, threadErrorTo } from './context.ts';

export interface Builds {
  readonly builder: Builder;
  readonly journal: BuildJournal;
}

/** What builds images, and makes again what the storage has lost. @throws PopularityError */
export async function startBuilds(
  { config, logger, metrics, stops }: Context,
  {
    cache,
    state,
    store,
  }: { readonly cache: CacheClient; readonly state: StateDir; readonly store: BlobStore },
): Promise<Builds> {
  const { popularityUrl, scrubIntervalMs, storage } = config;
  const journal = new BuildJournal();
  const builder = createBuilder({
    source: config.source,
    image: {
      allow: config.allow,
      importFromDerivation: config.importFromDerivation,
      layerBudget: DEFAULT_LAYER_BUDGET,
      popularity: popularityUrl === undefined ? undefined : await loadPopularity(popularityUrl),
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
    onError: threadErrorTo(logger),
  });
  metrics.watch({ builder, cache });
  // Buckets keep checksums of what they hold, and ask for every byte that is read.
  const scrubber =
    scrubIntervalMs === null || storage.backend !== 'filesystem'
      ? undefined
      : new Scrubber({
          store,
          heal: (digest) => builder.heal(digest, { thorough: true }),
          intervalMs: scrubIntervalMs,
          onEvent: (event) => logScrubEvent(logger, event),
        });
  stops.defer(async () => {
    // It may be waiting for a build, which the builder ends.
    await Promise.all([scrubber?.stop(), builder.stop()]);
  });
  return { builder, journal };
}
