import type { CacheClient, CacheEvent, CacheStats } from '@nixery/cache';
import { Counter, Gauge, type Registry } from 'prom-client';

import { PlainHistogram } from './plain-histogram.ts';

/** Seconds: from a hop between threads to the time-out of an ask. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1, 5];

/** The cache actor. */
export class CacheMetrics {
  readonly #registry: Registry;
  readonly #asks = new PlainHistogram({
    name: 'nixery_cache_ask_duration_seconds',
    help: 'What callers wait for the cache actor.',
    buckets: BUCKETS,
  });
  readonly #degraded: Counter<'operation'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#registry = registry;
    registry.registerMetric(this.#asks);
    this.#degraded = new Counter({
      name: 'nixery_cache_degraded_total',
      help: 'Asks that the cache actor did not answer: misses that may be none.',
      labelNames: ['operation'],
      registers,
    });
  }

  /** @param ms from an ask to its answer */
  noteAnswer(ms: number): void {
    this.#asks.add(ms / 1000);
  }

  note(event: CacheEvent): void {
    if (event.type === 'degraded') this.#degraded.inc({ operation: event.operation });
  }

  /** Shows how it is now. */
  watch(cache: Pick<CacheClient, 'status' | 'stats'>): void {
    const registry = this.#registry;
    registry.registerMetric(
      new Gauge({
        name: 'nixery_cache_up',
        help: 'Whether the cache actor answers.',
        registers: [],
        collect() {
          this.set(cache.status.state === 'ready' ? 1 : 0);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'nixery_cache_restarts_total',
        help: 'Restarts of the cache actor after a crash.',
        registers: [],
        collect() {
          this.reset();
          this.inc(cache.status.restarts);
        },
      }),
    );
    // One ask for all of these, each time they are shown.
    let stats: Promise<CacheStats | null> = Promise.resolve(null);
    registry.registerMetric(
      new Gauge({
        name: 'nixery_cache_mailbox_depth',
        help: 'Asks that the cache actor has not answered.',
        registers: [],
        async collect() {
          stats = cache.stats().catch(() => null);
          const depth = (await stats)?.mailbox.depth;
          if (depth === undefined) this.remove();
          else this.set(depth);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: 'nixery_cache_entries',
        help: 'Entries of the cache, by map.',
        labelNames: ['map'],
        registers: [],
        async collect() {
          for (const { entries, map } of mapsOf(await stats)) this.set({ map }, entries);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'nixery_cache_lookups_total',
        help: 'Look-ups in the cache, by map and result, since its actor started.',
        labelNames: ['map', 'result'],
        registers: [],
        async collect() {
          this.reset();
          for (const { hits, map, misses } of mapsOf(await stats)) {
            this.inc({ map, result: 'hit' }, hits);
            this.inc({ map, result: 'miss' }, misses);
          }
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'nixery_cache_evictions_total',
        help: 'Entries that had to go from a full map, since its actor started.',
        labelNames: ['map'],
        registers: [],
        async collect() {
          this.reset();
          for (const { evictions, map } of mapsOf(await stats)) this.inc({ map }, evictions);
        },
      }),
    );
  }
}

function mapsOf(stats: CacheStats | null) {
  if (stats === null) return [];
  return (['manifests', 'layers'] as const).map((map) => ({ map, ...stats[map] }));
}
