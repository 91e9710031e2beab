/**
 * What the set-up cannot mend by itself. The message says what to do.
 *
 * @typedef {'usage' | 'no-apt' | 'no-privilege' | 'install-failed' | 'no-node' | 'nix-daemon'} SetupErrorCode
 */

export class SetupError extends Error {
  /**
   * @param {SetupErrorCode} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'SetupError';
    /** @readonly */
    this.code = code;
  }
}
