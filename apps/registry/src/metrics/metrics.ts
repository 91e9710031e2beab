import type { Builder } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';
import { collectDefaultMetrics, Registry } from 'prom-client';

import { BuildMetrics } from './builds.ts';
import { CacheMetrics } from './cache.ts';
import { HttpMetrics } from './http.ts';
import { MeasuredStore } from './storage.ts';

/** What this server counts and times, for Prometheus. No label holds anything that clients choose. */
export class Metrics {
  readonly #registry = new Registry();
  readonly http = new HttpMetrics(this.#registry);
  readonly builds = new BuildMetrics(this.#registry);
  readonly cache = new CacheMetrics(this.#registry);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Of an exposition. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The same store, measured. */
  measured(store: BlobStore): BlobStore {
    return new MeasuredStore(store, this.#registry);
  }

  /** Shows how these are now. */
  watch({ builder, cache }: { readonly builder: Builder; readonly cache: CacheClient }): void {
    this.builds.watch(builder);
    this.cache.watch(cache);
  }

  /** An exposition in the text format. {@link https://prometheus.io/docs/instrumenting/exposition_formats/} */
  async render(): Promise<string> {
    return await this.#registry.metrics();
  }
}
