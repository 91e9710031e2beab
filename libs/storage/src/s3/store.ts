import type { Tuning } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import type { S3ClientOptions } from './client.ts';

export interface S3StoreOptions extends S3ClientOptions {
  readonly bucket: string;
  readonly tuning?: Partial<Tuning>;
}

/**
 * Opens a store in a bucket of S3 or a compatible server, laid out as Nixery's: `layers/<sha256 hex>`,
 * `manifests/<key>`, `builds/<key>`.
 *
 * Without conditional writes at the server, two replicas that put one named object at the same time may both be told
 * that theirs was first; the later one stays.
 *
 * @throws BlobError `invalid` if there is no such bucket, `denied` without credentials or permission, `unavailable` if
 * the service cannot be reached. The message says what to do.
 */
export async function createS3Store(options: S3StoreOptions): Promise<BlobStore> {
  // Amazon's library takes its time to load: nobody who stores elsewhere should wait for it.
  const { openS3Store } = await import('./open.ts');
  return await openS3Store(options);
}
