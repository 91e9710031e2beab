export type CountErrorCode =
  /** The cache does not have a store path, or something that one refers to. */
  | 'not-found'
  /** The cache does not answer, or answers what it should not. */
  | 'unavailable'
  /** An answer that is not a narinfo. */
  | 'invalid'
  /** Nix failed, or is not there. */
  | 'nix';

/** References could not be counted. */
export class CountError extends Error {
  override readonly name = 'CountError';
  readonly code: CountErrorCode;

  constructor(code: CountErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
