import {
  type BlobStore,
  createFilesystemStore,
  createGcsStore,
  createS3Store,
  type Tuning,
} from '@nixery/storage';

import type { StorageConfig } from './storage-config.ts';

/** How long a request may be kept waiting by a bucket: containerd gives up on an answer that takes 30 s (ms). */
const DEADLINE_MS = 15_000;

export interface OpenStoreOptions {
  readonly tuning?: Partial<Tuning> | undefined;
  /** Told what an operator should know and the server can live with. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens the storage, and makes sure that it may be used.
 *
 * @throws BlobError whose message says what to do
 */
export async function openStore(
  storage: StorageConfig,
  { tuning, onWarning }: OpenStoreOptions = {},
): Promise<BlobStore> {
  const patience = { deadlineMs: DEADLINE_MS, ...tuning };
  switch (storage.backend) {
    case 'filesystem':
      return await createFilesystemStore({ root: storage.path });
    case 'gcs': {
      const { bucket, signing } = storage;
      return await createGcsStore({
        bucket,
        ...(signing !== undefined && { signing }),
        tuning: patience,
        onUnsigned: (reason) =>
          onWarning?.(
            `addresses in gs://${bucket} cannot be signed (${reason}): clients are sent to public ones. ` +
              'Make its objects public, or give an account that can sign, or set NIXERY_BLOBS=proxy',
          ),
      });
    }
    case 's3':
      return await createS3Store({ bucket: storage.bucket, tuning: patience });
  }
}
