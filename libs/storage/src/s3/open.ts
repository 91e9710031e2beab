import { retry } from '../bucket/retry.ts';
import { createBucketStore } from '../bucket/store.ts';
import { tuningOf } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import { createS3Bucket } from './bucket.ts';
import { checkBucket } from './check.ts';
import { createClients } from './client.ts';
import type { S3StoreOptions } from './store.ts';

/** See {@link createS3Store}. */
export async function openS3Store(options: S3StoreOptions): Promise<BlobStore> {
  const { bucket } = options;
  const tuning = tuningOf(options.tuning);
  const clients = createClients(options, tuning);
  const { conditional } = await retry(tuning, tuning.deadlineMs, (signal) =>
    checkBucket(clients, bucket, signal),
  );
  return createBucketStore(createS3Bucket(clients, bucket, conditional, tuning), tuning);
}
