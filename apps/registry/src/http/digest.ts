import { type Digest, isDigest } from '@nixery/storage';

import { type HttpError, httpErrors } from './errors.ts';

/**
 * A digest of another algorithm is well-formed, and nothing here has one. Of the registered ones the length is known, too.
 * {@link https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests}
 */
const OTHER_ALGORITHM =
  /^(?:sha512:[0-9a-f]{128}|(?!sha(?:256|512):)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)$/;

/**
 * A digest from a URL.
 *
 * @param unknown what to answer where no digest of this kind can be here
 * @throws HttpError
 */
export function parseDigest(text: string, unknown: (digest: string) => HttpError): Digest {
  if (isDigest(text)) return text;
  throw OTHER_ALGORITHM.test(text) ? unknown(text) : httpErrors.digestInvalid();
}

/**
 * For where any digest will do, known or not.
 *
 * @throws HttpError where it is malformed
 */
export function checkDigest(text: string): void {
  if (!isDigest(text) && !OTHER_ALGORITHM.test(text)) throw httpErrors.digestInvalid();
}
