import { S3ServiceException } from '@aws-sdk/client-s3';
import { BlobError, type BlobErrorCode } from '../error.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what compatible servers add. */
const CODES: ReadonlyMap<string, BlobErrorCode> = new Map([
  ['NoSuchKey', 'not-found'],
  ['NotFound', 'not-found'],
  ['NoSuchBucket', 'invalid'],
  // Of compatible servers, with status 501: trying again does not help.
  ['NotImplemented', 'invalid'],
  ['QuotaExceeded', 'full'],
  ['InsufficientStorage', 'full'],
  ['XMinioStorageFull', 'full'],
  ['CredentialsProviderError', 'denied'],
  ['ExpiredToken', 'denied'],
  ['RequestTimeTooSkewed', 'denied'],
  // Bytes were damaged or lost on their way, or an upload in parts has come to nothing: sent again, they may arrive.
  ['BadDigest', 'unavailable'],
  ['XAmzContentSHA256Mismatch', 'unavailable'],
  ['XAmzContentChecksumMismatch', 'unavailable'],
  ['IncompleteBody', 'unavailable'],
  ['RequestTimeout', 'unavailable'],
  ['InvalidPart', 'unavailable'],
  ['InvalidPartOrder', 'unavailable'],
  ['NoSuchUpload', 'unavailable'],
  ['OperationAborted', 'unavailable'],
  ['ConditionalRequestConflict', 'unavailable'],
]);

/** The HTTP status with which S3 has refused a request; undefined if the error is another one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/**
 * An error of the SDK as a BlobError; a BlobError is passed on as it is.
 *
 * @param action - what was tried: `Cannot <action>: …`.
 */
export function s3Error(error: unknown, action: string): BlobError {
  if (error instanceof BlobError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new BlobError(codeOf(error, name), `Cannot ${action}: ${message} (${name})`, {
    cause: error,
  });
}

function codeOf(error: unknown, name: string): BlobErrorCode {
  const known = CODES.get(name);
  if (known !== undefined) return known;
  const status = statusOf(error);
  // No answer at all: the connection failed, or broke, or its time was up.
  if (status === undefined || status >= 500 || status === 408 || status === 429) {
    return status === 507 ? 'full' : 'unavailable';
  }
  if (status === 401 || status === 403) return 'denied';
  return status === 404 ? 'not-found' : 'invalid';
}
