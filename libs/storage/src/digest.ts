import { hash } from 'node:crypto';
import { BlobError } from './error.ts';

/** A content digest as OCI writes it, limited to the one algorithm this registry produces: lower-case hex SHA-256. */
export type Digest = `sha256:${string}`;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a well-formed SHA-256 digest (image-spec, descriptor.md#digests). */
export function isDigest(text: string): text is Digest {
  return SHA256.test(text);
}

/** The digest of `bytes`. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hash('sha256', bytes, 'hex')}`;
}

/**
 * What names of files and objects have of a digest: the hex digits.
 *
 * @throws BlobError `invalid` for a malformed digest: the type `sha256:${string}` alone would let `sha256:../../x` leave a store.
 */
export function hexOf(digest: Digest): string {
  if (!isDigest(digest)) {
    throw new BlobError('invalid', `Not a well-formed digest: ${JSON.stringify(digest)}`);
  }
  return digest.slice('sha256:'.length);
}
