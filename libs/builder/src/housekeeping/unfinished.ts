import { BlobError, type UnfinishedUpload, type UploadKeeper } from '@nixery/storage';

import type { WorkOptions } from './progress.ts';

/**
 * What is half stored; null where the storage does not tell: S3 wants a permission of its own for it, and some compatible
 * servers cannot.
 *
 * @throws BlobError of a storage that fails; the signal's reason
 */
export async function unfinishedUploads(
  store: UploadKeeper,
  { signal }: WorkOptions,
): Promise<readonly UnfinishedUpload[] | null> {
  const found: UnfinishedUpload[] = [];
  try {
    for await (const upload of store.listUploads()) {
      signal?.throwIfAborted();
      found.push(upload);
    }
  } catch (error) {
    const tellsNothing = error instanceof BlobError && ['denied', 'invalid'].includes(error.code);
    if (tellsNothing) return null;
    throw error;
  }
  return found;
}

/** Those that nobody has written to since (ms since the epoch). */
export function begunBefore(
  uploads: readonly UnfinishedUpload[],
  before: number,
): readonly UnfinishedUpload[] {
  return uploads.filter(({ startedAt }) => startedAt.getTime() < before);
}
