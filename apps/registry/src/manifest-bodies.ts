import { type Kept, Recent } from '@nixery/cache';
import { type BlobOpener, type Digest, readBlob } from '@nixery/storage';

import { MANIFEST_MEDIA_TYPES } from './http/accept.ts';

/** distribution-spec, "Pushing Manifests": registries should take manifests of at least 4 MiB; ours are far smaller. */
const MAX_MANIFEST = 4 * 1024 * 1024;
/** Room for some 20,000 manifests of 40 layers. */
const MAX_MEMORY = 128 * 1024 * 1024;
/** Bytes that an entry takes besides its content. */
const ENTRY_SIZE = 512;

export interface ManifestBody {
  readonly digest: Digest;
  /** Each character stands for a byte: node:http sends a string together with its headers. */
  readonly latin1: string;
  /** Undefined where it is no manifest. */
  readonly mediaType: string | undefined;
}

/** Manifests by digest, from the storage, the lately used ones from memory: under a digest a body never changes. */
export class ManifestBodies {
  readonly #store: BlobOpener;
  readonly #onRead: (digest: Digest) => void;
  readonly #recent = new Recent<Digest, ManifestBody>(MAX_MEMORY);

  /** @param onRead - told of each manifest that comes from the storage */
  constructor(store: BlobOpener, onRead: (digest: Digest) => void = () => undefined) {
    this.#store = store;
    this.#onRead = onRead;
  }

  /** @throws BlobError `not-found`, `corrupt`; `invalid` for a blob too large to be a manifest */
  async get(digest: Digest): Promise<ManifestBody> {
    const recent = this.#recent.get(digest);
    if (recent !== undefined) return recent;
    const bytes = Buffer.from(await readBlob(this.#store, digest, MAX_MANIFEST));
    const body = { digest, latin1: bytes.toString('latin1'), mediaType: mediaTypeOf(bytes) };
    this.#recent.set(digest, body, body.latin1.length + ENTRY_SIZE);
    if (body.mediaType !== undefined) this.#onRead(digest);
    return body;
  }

  /** Where one is that is in memory: whoever asks for it again and again is spared the look-up. */
  find(digest: Digest): Kept<ManifestBody> | undefined {
    return this.#recent.find(digest);
  }

  /** The same for who reads it. */
  async bytes(digest: Digest): Promise<Buffer> {
    const { latin1 } = await this.get(digest);
    return Buffer.from(latin1, 'latin1');
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
