import { hexOf, isDigest, type Digest } from '../digest.ts';
import {
  isObjectKey,
  splitObjectName,
  splitObjectPrefix,
  type ObjectName,
} from '../object-name.ts';

/** Where blobs of every kind lie, as in Nixery, so that its buckets can be taken over. */
export const BLOBS = 'layers/';

/** The name in the bucket of a blob: `layers/<sha256 hex>`. @throws BlobError `invalid` for a malformed digest. */
export function blobKey(digest: Digest): string {
  return `${BLOBS}${hexOf(digest)}`;
}

/** The digest of the blob that lies under `key`; null for what is no blob. */
export function digestOfKey(key: string): Digest | null {
  const digest = `sha256:${key.slice(BLOBS.length)}`;
  return key.startsWith(BLOBS) && isDigest(digest) ? digest : null;
}

/** @throws BlobError `invalid` if the name is malformed. */
export function objectKey(name: ObjectName): string {
  const { folder, key } = splitObjectName(name);
  return `${folder}/${key}`;
}

/** @throws BlobError `invalid` if the prefix is malformed. */
export function objectKeyPrefix(prefix: ObjectName): string {
  const { folder, key } = splitObjectPrefix(prefix);
  return `${folder}/${key}`;
}

/** The name of the object that lies under `key`, which begins with the folder of `prefix`; null for what is none. */
export function objectNameOfKey(key: string, prefix: ObjectName): ObjectName | null {
  const { folder } = splitObjectPrefix(prefix);
  const rest = key.slice(folder.length + 1);
  return isObjectKey(rest) ? `${folder}/${rest}` : null;
}
