import type { CacheClient, LayerRecord } from '@nixery/cache';
import { BlobError, type Digest } from '@nixery/storage';

import type { ManifestBodies } from '../manifest-bodies.ts';
import { type ManifestDocument, parseConfig } from './manifest-document.ts';
import type { ImageLayer } from './view.ts';

/** `/nix/store/<32 characters>-` */
const STORE_PREFIX_LENGTH = '/nix/store/'.length + 33;
/** Images looked at for each layer: a good half of a millisecond of the cache's time. */
const MAX_HOLDERS = 100;

const SYMLINKS = 'symbolic links';

export interface ImageLayersOptions {
  readonly cache: Pick<CacheClient, 'findLayer' | 'listHolders'>;
  readonly bodies: ManifestBodies;
}

/** What the layers of images hold, and which other images have them. */
export class ImageLayers {
  readonly #options: ImageLayersOptions;

  constructor(options: ImageLayersOptions) {
    this.#options = options;
  }

  /**
   * @param name the image's own canonical name: its other tags and platforms are no other images
   * @throws CacheError
   */
  async describe({ config, layers }: ManifestDocument, name: string): Promise<ImageLayer[]> {
    const { cache } = this.#options;
    const records = await Promise.all(layers.map(({ digest }) => cache.findLayer(digest)));
    const described: ImageLayer[] = [];
    // Each ask waits for the last, so that pulls get between them.
    for (const [index, { digest, size }] of layers.entries()) {
      const paths = records[index]?.record.paths ?? null;
      described.push({
        digest,
        size,
        ...(paths === null
          ? { paths, summary: (await this.#history(config.digest))[index] ?? 'not known' }
          : contentOf(paths)),
        ...(await this.#sharing(digest, name)),
      });
    }
    return described;
  }

  /** Who adopts an image of another server's has no records of its layers, but its config says what is in them. */
  async #history(config: Digest): Promise<readonly string[]> {
    try {
      const bytes = await this.#options.bodies.bytes(config);
      return (parseConfig(bytes)?.history ?? []).map((entry) =>
        entry.created_by === 'nix symlinks' ? SYMLINKS : entry.created_by.replace(/^nix /, ''),
      );
    } catch (error) {
      if (error instanceof BlobError) return [];
      throw error;
    }
  }

  async #sharing(
    digest: Digest,
    own: string,
  ): Promise<Pick<ImageLayer, 'sharedWith' | 'isWidelyShared'>> {
    const holders = await this.#options.cache.listHolders(digest, 'content', {
      limit: MAX_HOLDERS,
    });
    const names = new Set(holders.map(({ name }) => name));
    names.delete(own);
    return { sharedWith: [...names], isWidelyShared: holders.length === MAX_HOLDERS };
  }
}

function contentOf(paths: LayerRecord['paths']): Pick<ImageLayer, 'paths' | 'summary'> {
  const names = paths.map(({ path }) => path.slice(STORE_PREFIX_LENGTH)).sort();
  const [first] = names;
  if (first === undefined) return { paths: names, summary: SYMLINKS };
  const more = names.length - 1;
  return { paths: names, summary: more === 0 ? first : `${first} and ${more} more` };
}
