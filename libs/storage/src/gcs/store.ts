import type { Tuning } from '../bucket/tuning.ts';
import type { BlobStore } from '../store.ts';
import type { SigningKey } from './sign.ts';

export interface GcsStoreOptions {
  readonly bucket: string;
  /** What to sign addresses with, if not with these credentials. */
  readonly signing?: SigningKey;
  /** Where accounts without a key have addresses signed. By default Google's service, iamcredentials.googleapis.com. */
  readonly signingEndpoint?: string;
  /** The address of an emulator, or another endpoint of Google's. By default STORAGE_EMULATOR_HOST or the public one. */
  readonly apiEndpoint?: string;
  /** Whether requests carry credentials. By default those to Google's own addresses do, those to emulators do not. */
  readonly authenticate?: boolean;
  readonly tuning?: Partial<Tuning>;
  /** Told, at opening, why addresses cannot be signed, where they cannot: clients are then sent to public ones. */
  readonly onUnsigned?: (reason: string) => void;
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
  // Google's library takes a second and tens of megabytes to load: nobody who stores elsewhere should wait for it.
  const { openGcsStore } = await import('./open.ts');
  return await openGcsStore(options);
}
