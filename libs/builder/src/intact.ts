import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { BlobError, type BlobOpener, type Digest } from '@nixery/storage';

/** A blob of unknown size that is no larger (bytes), as images' configs are, is read to find out whether it is damaged. */
export const READ_IF_UNKNOWN = 256 * 1024;

export interface ReadPace {
  /** Bytes a second, on the average; as fast as the storage gives them where it is left out. */
  readonly bytesPerSecond?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads a stored blob and compares it with its digest. Chunks come from the storage one by one (1 MiB at most, a
 * millisecond to hash), and the event loop turns in between.
 *
 * @returns `missing` also where it is removed meanwhile
 * @throws BlobError of a storage that fails; an AbortError
 */
export async function readThrough(
  store: BlobOpener,
  digest: Digest,
  { bytesPerSecond = Infinity, signal }: ReadPace = {},
): Promise<'intact' | 'damaged' | 'missing'> {
  const hash = createHash('sha256');
  try {
    const { body } = await store.open(digest);
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        hash.update(chunk);
        if (bytesPerSecond === Infinity) continue;
        await delay((chunk.length / bytesPerSecond) * 1000, undefined, {
          ...(signal && { signal }),
        });
      }
    } finally {
      body.destroy();
    }
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    if (error.code === 'not-found') return 'missing';
    // Shorter than the storage itself says, or no file at all.
    if (error.code === 'corrupt') return 'damaged';
    throw error;
  }
  return `sha256:${hash.digest('hex')}` === digest ? 'intact' : 'damaged';
}
