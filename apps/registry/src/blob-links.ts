import type { BlobLinker, BlobStatter, Digest } from '@nixery/storage';
import { LRUCache } from 'lru-cache';

/**
 * How long a blob that was seen in the bucket is taken to be there, and its address handed out again (ms). It is signed for
 * five minutes, so that clients have four at least to follow it.
 */
const FRESH_MS = 60_000;
const MAX_LINKS = 20_000;

/** A blob that clients can get from the bucket itself. */
export interface BlobLink {
  readonly url: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * Where clients can get blobs, for blobs that are there. Asking a bucket takes milliseconds, and signing one; the clients
 * that pull an image at the same time all need the same blobs.
 */
export class BlobLinks {
  readonly #recent: LRUCache<Digest, BlobLink>;

  constructor(store: BlobStatter & BlobLinker) {
    this.#recent = new LRUCache({
      max: MAX_LINKS,
      ttl: FRESH_MS,
      fetchMethod: async (digest) => {
        const [status, url] = await Promise.all([store.stat(digest), store.url(digest)]);
        return status.exists && url !== null ? { url, size: status.size } : undefined;
      },
    });
  }

  /**
   * Where to get a blob; undefined where it is not there. Those who ask at once wait for one answer.
   *
   * @throws BlobError
   */
  async find(digest: Digest): Promise<BlobLink | undefined> {
    return await this.#recent.fetch(digest);
  }

  /** Has the bucket looked at before this blob's address is handed out again. */
  forget(digest: Digest): void {
    this.#recent.delete(digest);
  }
}
