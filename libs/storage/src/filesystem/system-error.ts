import { BlobError, type BlobErrorCode } from '../error.ts';

const CODES: ReadonlyMap<string, BlobErrorCode> = new Map([
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['EROFS', 'denied'],
]);

const REASONS: Readonly<Partial<Record<BlobErrorCode, string>>> = {
  full: 'no space or quota is left',
  denied: 'permission is missing, or the filesystem is read-only',
};

/** The `errno` name of a system error, such as `ENOENT`; undefined for every other value. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * A filesystem's error as a BlobError; a BlobError is passed on as it is.
 *
 * @param action - what was tried, with the path: `Cannot <action>: …`.
 */
export function systemError(error: unknown, action: string): BlobError {
  if (error instanceof BlobError) return error;
  const errno = errnoOf(error);
  const code = CODES.get(errno ?? '') ?? 'unavailable';
  const reason = REASONS[code] ?? 'the filesystem does not answer as it should';
  return new BlobError(code, `Cannot ${action}: ${reason} (${errno ?? String(error)})`, {
    cause: error,
  });
}
