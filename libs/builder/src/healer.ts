import type { CacheClient, Digest, ManifestRecord } from '@nixery/cache';
import type { BlobDeleter, BlobOpener, BlobStatter } from '@nixery/storage';

import type { Asker } from './asker.ts';
import { type BuildEvent, buildOf, isIndexBuild } from './build.ts';
import type { Builds } from './builds.ts';
import { BuildError } from './errors.ts';
import type { ManifestForm } from './image/media-types.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageRecords } from './image-records.ts';
import type { PullRequest } from './image-name.ts';
import { requestOf } from './image-request.ts';
import type { IndexBuilder } from './index-builder.ts';
import { readThrough } from './intact.ts';
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
  /** When a blob could not be made again (ms, of a clock that never goes back). */
  readonly #lost = new Map<Digest, number>();

  constructor(options: HealerOptions) {
    this.#options = options;
  }

  /** See `Builder.heal`. */
  async heal(digest: Digest, options: HealOptions): Promise<boolean> {
    return await this.#running.join(digest, () => this.#heal(digest, options));
  }

  async #heal(digest: Digest, { thorough = false, asker = {} }: HealOptions): Promise<boolean> {
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

    const error = await this.#rebuild(record, digest, asker);
    if ((await this.#look(digest, false)) === 'intact') {
      this.#lost.delete(digest);
      onEvent({ type: 'healed', digest });
      return true;
    }
    this.#giveUp(digest);
    await cache.dropManifest({ digest });
    await cache.dropLayer({ digest });
    onEvent({ type: 'lost', digest, error });
    return false;
  }

  async #imageWith(digest: Digest): Promise<ManifestRecord | null> {
    const { cache, records } = this.#options;
    const entry = (await cache.findManifest(digest)) ?? (await cache.findManifestWith(digest));
    return entry === null ? await records.find(digest) : entry.record;
  }

  /**
   * @returns what the build failed with, where it would fail again
   * @throws BuildError where it may not
   */
  async #rebuild(
    record: ManifestRecord,
    digest: Digest,
    asker: Asker,
  ): Promise<BuildError | undefined> {
    const { builds, store } = this.#options;
    const request = requestOf(record);
    if (request === null) return undefined;
    const key = `heal ${record.forms.oci?.digest ?? record.config}`;
    // One that began before the blob was lost may have seen it there.
    const isShared = builds.isRunning(key);
    const error = await this.#build(key, request, record, asker);
    if (!isShared || error !== undefined || (await store.stat(digest)).exists) return error;
    return await this.#build(key, request, record, asker);
  }

  async #build(
    key: string,
    request: PullRequest,
    record: ManifestRecord,
    asker: Asker,
  ): Promise<BuildError | undefined> {
    const { builds, images, indexes, layers } = this.#options;
    const revision = { commit: record.revision };
    const { ids } = asker;
    try {
      await builds.join(
        key,
        buildOf(request, 'heal', formOf(record), ids && { ids }),
        async (build, signal) => {
          layers.distrust(record.layers);
          if (isIndexBuild(build)) return await indexes.build(build, revision);
          return await images.build(build, revision, signal);
        },
        { onBuild: (id) => asker.onBuild?.(id) },
      );
      return undefined;
    } catch (error) {
      if (error instanceof BuildError && !error.transient) return error;
      throw error;
    }
  }

  async #look(digest: Digest, thorough: boolean): Promise<'intact' | 'damaged' | 'missing'> {
    const { store } = this.#options;
    if (thorough) return await readThrough(store, digest);
    const status = await store.stat(digest);
    if (!status.exists) return 'missing';
    const size = await this.#expectedSize(digest);
    return size === undefined || size === status.size ? 'intact' : 'damaged';
  }

  /** How many bytes a blob should have, where records tell. */
  async #expectedSize(digest: Digest): Promise<number | undefined> {
    const { cache } = this.#options;
    const layer = await cache.findLayer(digest);
    if (layer !== null) return layer.record.size;
    const forms = (await cache.findManifest(digest))?.record.forms;
    return Object.values(forms ?? {}).find((form) => form.digest === digest)?.size;
  }

  #giveUp(digest: Digest): void {
    this.#lost.delete(digest);
    this.#lost.set(digest, performance.now());
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > MAX_REMEMBERED && oldest !== undefined) this.#lost.delete(oldest);
  }
}

/** One that an image was built for: layers that Docker's form cannot name were not compressed for it. */
function formOf({ forms }: ManifestRecord): ManifestForm {
  return forms.docker === undefined ? 'oci' : 'docker';
}
