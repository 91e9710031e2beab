import {
  type Builder,
  canonicalName,
  isIndexRequest,
  type ManifestForm,
  type PullRequest,
  type System,
  systemsOf,
} from '@nixery/builder';
import type { CacheClient, ManifestHit, ManifestRecord } from '@nixery/cache';
import { BlobError, type Digest } from '@nixery/storage';
import { LRUCache } from 'lru-cache';

import type { ManifestBodies } from '../manifest-bodies.ts';
import { shortNameOf } from './image-names.ts';
import { ImageLayers } from './image-layers.ts';
import { parseIndex, parseManifest } from './manifest-document.ts';
import type { PullCount, PullCounts } from './pull-counts.ts';
import { Turns } from './turns.ts';
import type { BuiltImage, FormDigest, ImageView, PlatformImage } from './view.ts';

const FORMS = ['oci', 'docker'] as const satisfies readonly ManifestForm[];
/** GOARCH's names. */
const SYSTEMS: Readonly<Record<string, System>> = { amd64: 'x86_64-linux', arm64: 'aarch64-linux' };

/** How long (ms) what was found out about an image is shown again: whoever reloads a page costs next to nothing. */
const REMEMBERED_MS = 3_000;
const MAX_REMEMBERED = 500;
const MAX_WAITING = 200;

export interface ImagesOptions {
  readonly builder: Pick<Builder, 'requestKey'>;
  readonly cache: Pick<CacheClient, 'getManifest' | 'findLayer' | 'listHolders'>;
  readonly bodies: ManifestBodies;
  readonly pulls: PullCounts;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
}

/**
 * What is known of images, for people who look. Nothing is built for it, and nothing asked of package sources. One image
 * is looked up after the other, so that pulls do not have to wait behind many asks to the cache.
 */
export class Images {
  readonly #options: ImagesOptions;
  readonly #layers: ImageLayers;
  readonly #turns = new Turns(MAX_WAITING);
  readonly #remembered = new LRUCache<string, Promise<BuiltImage | null>>({
    max: MAX_REMEMBERED,
    ttl: REMEMBERED_MS,
  });

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#layers = new ImageLayers(options);
  }

  /** @throws HttpError 429, CacheError, BlobError of a storage that fails */
  async find(request: PullRequest): Promise<ImageView> {
    return {
      name: shortNameOf(request, this.#options.systems),
      tag: request.reference,
      packages: request.packages,
      systems: systemsOf(request),
      built: await this.#built(request),
    };
  }

  async #built(request: PullRequest): Promise<BuiltImage | null> {
    const key = this.#options.builder.requestKey(request);
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined) return await remembered;
    const found = this.#turns.take(() => this.#look(request));
    this.#remembered.set(key, found);
    try {
      const built = await found;
      // It may be there the next moment.
      if (built === null) this.#remembered.delete(key);
      return built;
    } catch (error) {
      this.#remembered.delete(key);
      throw error;
    }
  }

  async #look(request: PullRequest): Promise<BuiltImage | null> {
    const hit = await this.#hit(request);
    if (hit === null) return null;
    const { record } = hit;
    const isIndex = isIndexRequest(request);
    const platforms = isIndex
      ? await this.#platforms(record)
      : [{ system: request.system, digests: digestsOf(record) }];
    const images: PlatformImage[] = [];
    for (const { digests, system } of platforms) {
      images.push({ system, digests, layers: await this.#layersOf(digests, request) });
    }
    return {
      builtAt: record.builtAt,
      revision: record.revision,
      isFresh: hit.fresh,
      digests: digestsOf(record),
      isIndex,
      platforms: images,
      pulls: this.#pullsOf(digestsOf(record)),
    };
  }

  /** Images whose layers Docker's form cannot name have a record of their own for it. */
  async #hit(request: PullRequest): Promise<ManifestHit | null> {
    const { builder, cache } = this.#options;
    for (const form of FORMS) {
      const key = builder.requestKey(request, form);
      const hit = await cache.getManifest(key, { allowStale: true });
      if (hit !== null) return hit;
    }
    return null;
  }

  /** The images of an index. */
  async #platforms(record: ManifestRecord): Promise<readonly Omit<PlatformImage, 'layers'>[]> {
    const platforms = new Map<System, FormDigest[]>();
    for (const { form, digest } of digestsOf(record)) {
      const bytes = await this.#body(digest);
      for (const { digest, platform } of (bytes && parseIndex(bytes))?.manifests ?? []) {
        const system = SYSTEMS[platform.architecture];
        if (system === undefined) continue;
        platforms.set(system, [...(platforms.get(system) ?? []), { form, digest }]);
      }
    }
    return [...platforms].map(([system, digests]) => ({ system, digests }));
  }

  async #layersOf(digests: readonly FormDigest[], request: PullRequest) {
    const [first] = digests;
    const bytes = first && (await this.#body(first.digest));
    const manifest = bytes && parseManifest(bytes);
    return manifest ? await this.#layers.describe(manifest, canonicalName(request)) : null;
  }

  /** Null where the storage has lost it: the next pull makes it again. */
  async #body(digest: Digest): Promise<Uint8Array | null> {
    try {
      return await this.#options.bodies.bytes(digest);
    } catch (error) {
      if (error instanceof BlobError && error.code !== 'unavailable') return null;
      throw error;
    }
  }

  #pullsOf(digests: readonly FormDigest[]): PullCount | null {
    const counts = digests
      .map(({ digest }) => this.#options.pulls.of(digest))
      .filter((count) => count !== null);
    if (counts.length === 0) return null;
    return {
      count: counts.reduce((sum, { count }) => sum + count, 0),
      lastAt: Math.max(...counts.map(({ lastAt }) => lastAt)),
    };
  }
}

function digestsOf({ forms }: ManifestRecord): readonly FormDigest[] {
  return FORMS.flatMap((form) => {
    const digest = forms[form]?.digest;
    return digest === undefined ? [] : [{ form, digest }];
  });
}
