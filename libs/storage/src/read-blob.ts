import { buffer } from 'node:stream/consumers';
import { digestOf, type Digest } from './digest.ts';
import { BlobError } from './error.ts';
import type { BlobOpener } from './store.ts';

/**
 * Reads a small blob (a manifest, a config) into memory, checked against its digest.
 *
 * @param maxBytes - the most that is taken into memory.
 * @throws BlobError `not-found`; `corrupt` if the content has another digest; `invalid` if it has more than `maxBytes`.
 */
export async function readBlob(
  store: BlobOpener,
  digest: Digest,
  maxBytes: number,
): Promise<Uint8Array> {
  const { body, size } = await store.open(digest);
  if (size > maxBytes) {
    body.destroy();
    throw new BlobError(
      'invalid',
      `${digest} has ${size} bytes, more than the ${maxBytes} asked for`,
    );
  }
  const bytes = await buffer(body);
  const actual = digestOf(bytes);
  if (actual !== digest) {
    throw new BlobError('corrupt', `The blob stored as ${digest} has digest ${actual}`);
  }
  return bytes;
}
