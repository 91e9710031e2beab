import { type CacheClient, CacheError, type Digest, type ManifestRecord } from '@nixery/cache';
import { type BlobDeleter, BlobError, type BlobOpener, type BlobStatter } from '@nixery/storage';

import type { Asker } from './asker.ts';
import { type BuildEvent, buildOf, isIndexBuild } from './build.ts';
import type { Builds } from './builds.ts';
import { answered } from './cache-answer.ts';
import { BuildError } from './errors.ts';
import type { ManifestForm } from './image/media-types.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageRecords } from './image-records.ts';
import type { PullRequest } from './image-name.ts';
import { requestOf } from './image-request.ts';
import { keyOf } from './keys.ts';
import type { IndexBuilder } from './index-builder.ts';
import { READ_IF_UNKNOWN, readThrough } from './intact.ts';
import type { LayerCache } from './layer-cache.ts';
import { SingleFlight } from './single-flight.ts';

export interface HealOptions {
  /** Whether a blob of the right size is not taken for intact, but read. Default false. */
  readonly thorough?: boolean;
  /** Who misses the blob. */
  readonly asker?: Asker;
}

/** How long a blob that could not be made again is not tried once more (ms). */
const RETRY_AFTER_MS = 10 * 60 * 1000;
const MAX_REMEMBERED = 10_000;

/** How often a blob is made that comes out the same and is gone again. */
const MAX_ATTEMPTS = 3;

export interface HealerOptions {
  readonly cache: CacheClient;
  readonly store: BlobStatter & BlobOpener & BlobDeleter;
  /** Images that the cache may not know (any more). */
  readonly records: ImageRecords;
  readonly images: ImageBuilder;
  readonly indexes: IndexBuilder;
  readonly layers: LayerCache;
  readonly builds: Builds;
  readonly onEvent: (event: BuildEvent) => void;
}

/**
 * Makes blobs again that the storage has lost: an image that the blob is part of is built once more, from the same
 * request and the same commit, which packs what is missing of it and nothing else. The same content has the same digest;
 * where it has not (a package that does not reproduce, a folder whose packages have changed) the images that hold the
 * blob are forgotten, so that the next one who asks for them gets images that are whole.
 */
export class Healer {
  readonly #options: HealerOptions;
  readonly #running = new SingleFlight<boolean>();
  readonly #learning = new SingleFlight<void>();
  /** When a blob could not be made again (ms, of a clock that never goes back). */
  readonly #lost = new Map<Digest, number>();

  constructor(options: HealerOptions) {
    this.#options = options;
  }

  /** See `Builder.heal`. */
  async heal(digest: Digest, options: HealOptions): Promise<boolean> {
    return await this.#running.join(digest, () => this.#heal(digest, options));
  }

  /** See `Builder.learn`. */
  async learn(digest: Digest): Promise<void> {
    await this.#learning.join(digest, () => this.#learn(digest));
  }

  async #learn(digest: Digest): Promise<void> {
    const { cache, records } = this.#options;
    try {
      if ((await answered(() => cache.findManifest(digest))) !== null) return;
      const record = await records.find(digest);
      // No key of a request: it may have been built with other settings than these.
      if (record !== null) await cache.putManifest(keyOf({ image: digest }), 'pinned', record);
    } catch (error) {
      // It costs what this is for, and no more.
      if (!(error instanceof CacheError)) throw error;
    }
  }

  async #heal(digest: Digest, options: HealOptions): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const healed = await this.#attempt(digest, options);
      if (healed !== 'gone again') return healed;
    }
    throw new BlobError('unavailable', `${digest} is stored, and gone again`);
  }

  async #attempt(
    digest: Digest,
    { thorough = false, asker = {} }: HealOptions,
  ): Promise<boolean | 'gone again'> {
    const { cache, layers, onEvent, store } = this.#options;
    const state = await this.#look(digest, thorough);
    // Somebody else has healed it after our caller looked.
    if (state === 'intact') return true;
    // A build would take it for whole if it has the right size.
    if (state === 'damaged') await store.delete(digest);
    layers.distrust([digest]);

    const lostAt = this.#lost.get(digest);
    if (lostAt !== undefined && performance.now() - lostAt < RETRY_AFTER_MS) return false;
    const record = await this.#imageWith(digest);
    if (record === null) return false;

    const rebuilt = await this.#rebuild(record, digest, asker);
    if ((await this.#look(digest, false)) === 'intact') {
      this.#lost.delete(digest);
      onEvent({ type: 'healed', digest });
      return true;
    }
    // Another server may have found it damaged, too, and deleted what we put in its place.
    if ('record' in rebuilt && holds(rebuilt.record, digest)) return 'gone again';
    this.#giveUp(digest);
    await cache.dropManifest({ digest });
    await cache.dropLayer({ digest });
    onEvent({ type: 'lost', digest, error: 'error' in rebuilt ? rebuilt.error : undefined });
    return false;
  }

  async #imageWith(digest: Digest): Promise<ManifestRecord | null> {
    const { cache, records } = this.#options;
    await this.#learning.settled();
    const entry = await answered(
      async () => (await cache.findManifest(digest)) ?? (await cache.findManifestWith(digest)),
    );
    return entry === null ? await records.find(digest) : entry.record;
  }

  /** @throws BuildError where what failed may not fail again */
  async #rebuild(record: ManifestRecord, digest: Digest, asker: Asker): Promise<Rebuilt> {
    const { builds, store } = this.#options;
    const request = requestOf(record);
    if (request === null) return { error: undefined };
    const key = `heal ${record.forms.oci?.digest ?? record.config}`;
    // One that began before the blob was lost may have seen it there.
    const isShared = builds.isRunning(key);
    const rebuilt = await this.#build(key, request, record, asker);
    if (!isShared || 'error' in rebuilt || (await store.stat(digest)).exists) return rebuilt;
    return await this.#build(key, request, record, asker);
  }

  async #build(
    key: string,
    request: PullRequest,
    record: ManifestRecord,
    asker: Asker,
  ): Promise<Rebuilt> {
    const { builds, images, indexes, layers } = this.#options;
    const revision = { commit: record.revision };
    const { ids } = asker;
    try {
      const rebuilt = await builds.join(
        key,
        buildOf(request, 'heal', formOf(record), ids && { ids }),
        async (build, signal) => {
          layers.distrust(record.layers);
          if (isIndexBuild(build)) return await indexes.build(build, revision);
          return await images.build(build, revision, signal);
        },
        { onBuild: (id, leave) => asker.onBuild?.(id, leave) },
      );
      return { record: rebuilt };
    } catch (error) {
      if (error instanceof BuildError && !error.transient) return { error };
      throw error;
    }
  }

  async #look(digest: Digest, thorough: boolean): Promise<'intact' | 'damaged' | 'missing'> {
    const { store } = this.#options;
    if (thorough) return await readThrough(store, digest);
    // First what may wait for the cache: the storage's answer is as it is now.
    const size = await this.#expectedSize(digest);
    const status = await store.stat(digest);
    if (!status.exists) return 'missing';
    if (size === undefined && status.size <= READ_IF_UNKNOWN)
      return await readThrough(store, digest);
    return size === undefined || size === status.size ? 'intact' : 'damaged';
  }

  /** How many bytes a blob should have, where records tell. */
  async #expectedSize(digest: Digest): Promise<number | undefined> {
    const { cache } = this.#options;
    const forms = (await answered(() => cache.findManifest(digest)))?.record.forms;
    const form = Object.values(forms ?? {}).find((form) => form.digest === digest);
    return form?.size ?? (await cache.findLayer(digest))?.record.size;
  }

  #giveUp(digest: Digest): void {
    this.#lost.delete(digest);
    this.#lost.set(digest, performance.now());
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > MAX_REMEMBERED && oldest !== undefined) this.#lost.delete(oldest);
  }
}

/** An image that was built again, or what that failed with where it would fail again. */
type Rebuilt = { readonly record: ManifestRecord } | { readonly error: BuildError | undefined };

function holds({ children = [], config, forms, layers }: ManifestRecord, digest: Digest): boolean {
  const manifests = Object.values(forms).map((form) => form.digest);
  return [...manifests, config, ...layers, ...children].includes(digest);
}

/** One that an image was built for: layers that Docker's form cannot name were not compressed for it. */
function formOf({ forms }: ManifestRecord): ManifestForm {
  return forms.docker === undefined ? 'oci' : 'docker';
}
