import { type Digest, isDigest } from '@nixery/storage';

import { type HttpError, httpErrors } from './errors.ts';

/** A digest of another algorithm is well-formed, and nothing here has one. */
const OTHER_ALGORITHM = /^(?!sha256:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

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
