import { retry } from '../bucket/retry.ts';
import { createBucketStore } from '../bucket/store.ts';
import { tuningOf, type Tuning } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import { createS3Bucket } from './bucket.ts';
import { checkBucket } from './check.ts';
import { createClients, type S3ClientOptions } from './client.ts';

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
  const { bucket } = options;
  const tuning = tuningOf(options.tuning);
  const clients = createClients(options, tuning);
  const { conditional } = await retry(tuning, tuning.deadlineMs, (signal) =>
    checkBucket(clients, bucket, signal),
  );
  return createBucketStore(createS3Bucket(clients, bucket, conditional, tuning), tuning);
}
