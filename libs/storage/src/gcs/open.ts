import { Storage } from '@google-cloud/storage';
import { retry } from '../bucket/retry.ts';
import { createBucketStore } from '../bucket/store.ts';
import { tuningOf } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import { createGcsBucket } from './bucket.ts';
import { checkBucket } from './check.ts';
import { createConnection } from './connection.ts';
import { createHttp } from './http.ts';
import { createLinks, signerOf } from './sign.ts';
import type { GcsStoreOptions } from './store.ts';

/** See {@link createGcsStore}. */
export async function openGcsStore(options: GcsStoreOptions): Promise<BlobStore> {
  const { bucket, signing, signingEndpoint, apiEndpoint, onUnsigned } = options;
  const tuning = tuningOf(options.tuning);
  const storage = new Storage(apiEndpoint === undefined ? {} : { apiEndpoint });
  const authenticate = options.authenticate ?? isGoogles(storage.apiEndpoint);
  const connection = createConnection(storage, createHttp(tuning.idleMs), bucket, authenticate);
  await retry(tuning, tuning.deadlineMs, (signal) => checkBucket(connection, signal));
  // Without credentials of any kind, looking for some on the metadata server would only take time.
  const mayHaveKey =
    authenticate ||
    signing !== undefined ||
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] !== undefined;
  const signer = signing === undefined ? storage : await signerOf(storage, signing);
  const links = { storage: signer, bucket, mayHaveKey, signingEndpoint, tuning, onUnsigned };
  const url = await createLinks(links);
  return createBucketStore(createGcsBucket(connection, url, tuning), tuning);
}

function isGoogles(endpoint: string): boolean {
  return new URL(endpoint).hostname.endsWith('.googleapis.com');
}
