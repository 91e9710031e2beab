/**
 * What went wrong, as far as a caller can act on it:
 *
 * - `not-found`: no such blob.
 * - `unavailable`: the backend cannot be reached or answers with a fault; trying later may help.
 * - `corrupt`: content does not have the digest or the length it should have.
 * - `denied`: the backend refuses (permission, credentials, read-only).
 * - `full`: no space or quota left.
 * - `invalid`: the caller's mistake (malformed name, range, source or setting); trying again will not help.
 */
export type BlobErrorCode = 'not-found' | 'unavailable' | 'corrupt' | 'denied' | 'full' | 'invalid';

/** The one error of this library. Its message is for operators and may hold paths; answer clients by `code`. */
export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly code: BlobErrorCode;

  constructor(code: BlobErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
