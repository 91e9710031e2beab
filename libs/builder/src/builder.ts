import type {
  CacheClient,
  Digest,
  Freshness,
  KnownForms,
  ManifestForms,
  ManifestRecord,
} from '@nixery/cache';

import type { Asker } from './asker.ts';
import {
  type BuildEvent,
  buildOf,
  type BuildPurpose,
  isIndexBuild,
  type PullBuild,
} from './build.ts';
import type { BuildAction, Builds } from './builds.ts';
import { BuildError } from './errors.ts';
import type { Healer, HealOptions } from './healer.ts';
import type { ManifestForm } from './image/media-types.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { PullRequest } from './image-name.ts';
import { describeRequest } from './image-request.ts';
import type { IndexBuilder } from './index-builder.ts';
import type { PackageSet } from './package-set.ts';
import { resolveReference } from './reach.ts';
import type { RevisionImages } from './revision-images.ts';
import type { PackageSource } from './source/index.ts';
import type { PoolLoad } from './workers.ts';

/** The part of its age from which on an image that is asked for is refreshed in the background. */
const REFRESH_FROM = 0.8;

export interface BuilderOptions {
  readonly cache: CacheClient;
  readonly source: PackageSource;
  readonly images: ImageBuilder;
  readonly indexes: IndexBuilder;
  readonly revisions: RevisionImages;
  readonly builds: Builds;
  readonly healer: Healer;
  readonly packageSet: PackageSet;
  /** How long past its freshness an image is still served at once, while it is refreshed (ms). */
  readonly staleMs: number;
  readonly onEvent: (event: BuildEvent) => void;
}

export interface BuilderLoad {
  /** Builds that run or wait for a thread. */
  readonly builds: number;
  /** Requests so far that the cache had an image for. */
  readonly known: number;
  /** Tasks that each run a Nix process. */
  readonly nix: PoolLoad;
  /** Tasks that each pack a layer. */
  readonly pack: PoolLoad;
}

/**
 * What is asked for, in one form. Whoever asks for it again and again, and holds on to this, has no key computed anew, and is not
 * told again what has not changed.
 */
export interface KnownImage {
  readonly request: PullRequest;
  readonly form: ManifestForm;
  readonly key: string;
  /** The builder's: what the cache found the last time. */
  found: KnownForms | undefined;
}

/** What the cache has, whole or in part. */
interface Found<R extends ManifestForms> extends Freshness {
  readonly record: R;
}

/** Images by request: from the cache where they are known, built once where they are not. */
export class Builder {
  /** What the packages of images come from. */
  readonly packageSet: PackageSet;
  readonly #options: BuilderOptions;
  #known = 0;

  constructor(options: BuilderOptions) {
    this.#options = options;
    this.packageSet = options.packageSet;
  }

  /** How busy it is. */
  get load(): BuilderLoad {
    const { builds, images } = this.#options;
    return { builds: builds.size, known: this.#known, ...images.load };
  }

  /** The cache's key for what was asked; of a moving source it stands for another revision from time to time. */
  requestKey(request: PullRequest, form: ManifestForm = 'oci'): string {
    return this.#options.images.requestKey(request, form);
  }

  /**
   * To hold on to, for who asks again and again.
   *
   * @param form which the image has to have; others may come with it
   */
  know(request: PullRequest, form: ManifestForm = 'oci'): KnownImage {
    return { request, form, key: this.requestKey(request, form), found: undefined };
  }

  /**
   * The image, or index of images, that `request` asks for. All who ask for one image wait for one build; nobody who leaves ends it. One that is
   * past its freshness is given only where the package source cannot be reached, or within `staleMs`.
   *
   * @throws BuildError any code but `name-invalid`
   */
  async image(
    request: PullRequest,
    form: ManifestForm = 'oci',
    asker: Asker = {},
  ): Promise<ManifestRecord> {
    return await this.record(this.know(request, form), asker);
  }

  /** The same for who asks again and again. */
  async record(image: KnownImage, asker: Asker = {}): Promise<ManifestRecord> {
    const hit = await this.#options.cache.getManifest(image.key, { allowStale: true });
    return this.#served(image, asker, hit) ?? (await this.#built(image, asker, hit));
  }

  /**
   * The same for who wants no more of the record, which is as fast as it gets: the cache is asked whether what it found before
   * still holds, and where it does, the same object comes back.
   */
  async forms(image: KnownImage, asker: Asker = {}): Promise<ManifestForms> {
    const { found: known, key } = image;
    const hit = await this.#options.cache.getForms(key, { allowStale: true, known });
    // One that still holds stays: what is written into old objects all the time costs the collector of garbage.
    if (hit?.version !== known?.version) image.found = hit ?? undefined;
    return this.#served(image, asker, hit) ?? (await this.#built(image, asker, hit));
  }

  /** What the cache found, where it may be served. */
  #served<R extends ManifestForms>(
    image: KnownImage,
    asker: Asker,
    hit: Found<R> | null,
  ): R | undefined {
    if (hit === null || !(hit.fresh || isWithin(hit, this.#options.staleMs))) return undefined;
    this.#known += 1;
    if (isDue(hit)) this.#refresh(image, asker);
    return hit.record;
  }

  /** What is built; what the cache found where the package source cannot be reached. */
  async #built<R extends ManifestForms>(
    image: KnownImage,
    asker: Asker,
    hit: Found<R> | null,
  ): Promise<R | ManifestRecord> {
    const { key, request } = image;
    try {
      const { build, action } = this.#plan(image, 'request', asker);
      return await this.#options.builds.join(key, build, action, {
        onBuild: (id, leave) => asker.onBuild?.(id, leave),
      });
    } catch (error) {
      if (hit === null) throw error;
      if (!(error instanceof BuildError) || error.code !== 'source-unavailable') throw error;
      this.#options.onEvent({ type: 'stale', request, ageMs: hit.ageMs, error });
      return hit.record;
    }
  }

  /**
   * Brings a blob back that the storage has lost or holds damaged, by building an image again that it is part of.
   *
   * @returns whether the storage has it now; false for a blob that no known image holds, that does not come out the same,
   * or that could not be brought back in the last ten minutes
   * @throws BuildError where trying again soon may help; BlobError of a storage that fails
   */
  async heal(digest: Digest, options: HealOptions = {}): Promise<boolean> {
    return await this.#options.healer.heal(digest, options);
  }

  /**
   * To be told which manifests are given to clients: one that the cache does not know, since another server built it or the
   * state folder is new, can be healed from then on, its layers included.
   */
  async learn(digest: Digest): Promise<void> {
    await this.#options.healer.learn(digest);
  }

  /**
   * Ends all builds and their Nix processes; those who wait get a `stopping` error. Later requests are answered from the
   * cache only.
   */
  async stop(): Promise<void> {
    await this.#options.builds.stop();
    await this.#options.images.close();
  }

  #refresh(image: KnownImage, { ids }: Asker): void {
    // Nobody waits for it, so it counts for nobody.
    const { build, action } = this.#plan(image, 'refresh', ids && { ids });
    this.#options.builds.begin(image.key, build, action);
  }

  #plan(
    { form, key, request }: KnownImage,
    purpose: BuildPurpose,
    asker?: Asker,
  ): { readonly build: PullBuild; readonly action: BuildAction<PullBuild> } {
    const { cache, indexes, revisions, source } = this.#options;
    const kind = source.isMoving(request.reference) ? 'moving' : 'pinned';
    return {
      build: buildOf(request, purpose, form, asker),
      action: async (build, signal) => {
        const revision = await build.during('resolve', () =>
          resolveReference(source, request.reference, signal),
        );
        const found = isIndexBuild(build)
          ? await indexes.build(build, revision)
          : await revisions.obtain(build, revision, signal);
        // The image may have been built for another tag of the same commit, and tag lists are made of these.
        const record = { ...found, request: describeRequest(request) };
        await cache.putManifest(key, kind, record);
        return record;
      },
    };
  }
}

function isDue({ ageMs, maxAgeMs }: Freshness): boolean {
  return maxAgeMs !== null && ageMs >= maxAgeMs * REFRESH_FROM;
}

/** Whether a stale image may be served all the same. One of unknown age (the clock was set back) may not. */
function isWithin({ ageMs, maxAgeMs }: Freshness, staleMs: number): boolean {
  return maxAgeMs !== null && ageMs >= maxAgeMs && ageMs < maxAgeMs + staleMs;
}
