import { Storage } from '@google-cloud/storage';
import { retry } from '../bucket/retry.ts';
import { createBucketStore } from '../bucket/store.ts';
import { tuningOf, type Tuning } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import { createGcsBucket } from './bucket.ts';
import { checkBucket } from './check.ts';
import { createConnection } from './connection.ts';
import { createHttp } from './http.ts';
import { createLinks, signerOf, type SigningKey } from './sign.ts';

export interface GcsStoreOptions {
  readonly bucket: string;
  /** What to sign addresses with, if not with these credentials. */
  readonly signing?: SigningKey;
  /** The address of an emulator, or another endpoint of Google's. By default STORAGE_EMULATOR_HOST or the public one. */
  readonly apiEndpoint?: string;
  /** Whether requests carry credentials. By default those to Google's own addresses do, those to emulators do not. */
  readonly authenticate?: boolean;
  readonly tuning?: Partial<Tuning>;
}

/**
 * Opens a store in a bucket of Google Cloud Storage, laid out as Nixery's: `layers/<sha256 hex>`, `manifests/<key>`,
 * `builds/<key>`. Credentials are found as Google's libraries find them: GOOGLE_APPLICATION_CREDENTIALS, the gcloud
 * tool's, the metadata server's.
 *
 * @throws BlobError `invalid` if there is no such bucket or a key file is unusable, `denied` without credentials or
 * permission, `unavailable` if Cloud Storage cannot be reached. The message says what to do.
 */
export async function createGcsStore(options: GcsStoreOptions): Promise<BlobStore> {
  const { bucket, signing, apiEndpoint } = options;
  const tuning = tuningOf(options.tuning);
  const storage = new Storage(apiEndpoint === undefined ? {} : { apiEndpoint });
  const authenticate = options.authenticate ?? isGoogles(storage.apiEndpoint);
  const connection = createConnection(storage, createHttp(tuning.idleMs), bucket, authenticate);
  await retry(tuning, tuning.deadlineMs, (signal) => checkBucket(connection, signal));
  // Without credentials of any kind, looking for some on the metadata server would only take time.
  const mayHaveKey = authenticate || process.env['GOOGLE_APPLICATION_CREDENTIALS'] !== undefined;
  const signer = signing === undefined ? storage : await signerOf(storage, signing);
  const url = await createLinks(signer, bucket, mayHaveKey || signing !== undefined);
  return createBucketStore(createGcsBucket(connection, url, tuning), tuning);
}

function isGoogles(endpoint: string): boolean {
  return new URL(endpoint).hostname.endsWith('.googleapis.com');
}
