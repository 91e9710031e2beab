import { type BlobOpener, type Digest, readBlob } from '@nixery/storage';
import { LRUCache } from 'lru-cache';

/** distribution-spec, "Pushing Manifests": registries should take manifests of at least 4 MiB; ours are far smaller. */
const MAX_MANIFEST = 4 * 1024 * 1024;
const MAX_MEMORY = 32 * 1024 * 1024;

/** Manifests by digest, from the storage, the lately used ones from memory: under a digest a body never changes. */
export class ManifestBodies {
  readonly #store: BlobOpener;
  readonly #recent = new LRUCache<Digest, Uint8Array>({
    maxSize: MAX_MEMORY,
    sizeCalculation: (body) => body.length + 256,
  });

  constructor(store: BlobOpener) {
    this.#store = store;
  }

  /** @throws BlobError `not-found`, `corrupt`; `invalid` for a blob too large to be a manifest */
  async get(digest: Digest): Promise<Uint8Array> {
    const recent = this.#recent.get(digest);
    if (recent !== undefined) return recent;
    const body = await readBlob(this.#store, digest, MAX_MANIFEST);
    this.#recent.set(digest, body);
    return body;
  }
}
