import { type BlobOpener, type Digest, readBlob } from '@nixery/storage';
import { LRUCache } from 'lru-cache';

import { MANIFEST_MEDIA_TYPES } from './http/accept.ts';

/** distribution-spec, "Pushing Manifests": registries should take manifests of at least 4 MiB; ours are far smaller. */
const MAX_MANIFEST = 4 * 1024 * 1024;
/** Room for some 20,000 manifests of 40 layers. */
const MAX_MEMORY = 128 * 1024 * 1024;
/** Bytes that an entry takes besides its content. */
const ENTRY_SIZE = 512;

export interface ManifestBody {
  readonly bytes: Buffer;
  /** Undefined where it is no manifest. */
  readonly mediaType: string | undefined;
}

/** Manifests by digest, from the storage, the lately used ones from memory: under a digest a body never changes. */
export class ManifestBodies {
  readonly #store: BlobOpener;
  readonly #recent = new LRUCache<Digest, ManifestBody>({
    maxSize: MAX_MEMORY,
    sizeCalculation: ({ bytes }) => bytes.length + ENTRY_SIZE,
  });

  constructor(store: BlobOpener) {
    this.#store = store;
  }

  /** @throws BlobError `not-found`, `corrupt`; `invalid` for a blob too large to be a manifest */
  async get(digest: Digest): Promise<ManifestBody> {
    const recent = this.#recent.get(digest);
    if (recent !== undefined) return recent;
    const bytes = Buffer.from(await readBlob(this.#store, digest, MAX_MANIFEST));
    const body = { bytes, mediaType: mediaTypeOf(bytes) };
    this.#recent.set(digest, body);
    return body;
  }
}

/** Manifests say themselves what they are, so that no record of them is needed to serve them by digest. */
function mediaTypeOf(bytes: Buffer): string | undefined {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof document !== 'object' || document === null || !('mediaType' in document)) {
      return undefined;
    }
    const { mediaType } = document;
    return MANIFEST_MEDIA_TYPES.find((known) => known === mediaType);
  } catch {
    return undefined;
  }
}
