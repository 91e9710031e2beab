/** What kept the offline package set from being made. */
export type OfflinePackagesErrorCode =
  | 'apt-missing'
  | 'apt-failed'
  | 'download-failed'
  | 'lists-missing'
  | 'malformed-lists'
  | 'package-missing'
  | 'unsupported-host'
  | 'unsupported-source';

/** The one error of the offline package set; `message` says what to do about it. */
export class OfflinePackagesError extends Error {
  readonly code: OfflinePackagesErrorCode;

  constructor(code: OfflinePackagesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OfflinePackagesError';
    this.code = code;
  }
}
