/** `not-empty`: the folder holds something already. `not-built`: `npm run build` first. `not-installed`: `npm ci` first. */
export type ReleaseErrorCode = 'not-empty' | 'not-built' | 'not-installed';

/** Why no release can be laid out. The message says what to do. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
  readonly code: ReleaseErrorCode;

  constructor(code: ReleaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
