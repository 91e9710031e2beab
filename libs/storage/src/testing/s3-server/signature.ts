import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { encodeUri } from '../encode-uri.ts';

/** What s3rver knows its one user by. */
export const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const;

const ALGORITHM = 'AWS4-HMAC-SHA256';
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/**
 * Verifies a presigned address (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html), with the rules of
 * that page and not with the signer's code.
 *
 * @param nowMs - the server's clock, in ms since the epoch.
 */
export function verifyPresigned(request: IncomingMessage, url: URL, nowMs: number): boolean {
  const query = url.searchParams;
  const date = query.get('X-Amz-Date') ?? '';
  const [accessKeyId, day = '', region = '', service = '', last] = (
    query.get('X-Amz-Credential') ?? ''
  ).split('/');
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) return false;
  if (accessKeyId !== CREDENTIALS.accessKeyId || service !== 's3' || last !== 'aws4_request') {
    return false;
  }

  const signedHeaders = query.get('X-Amz-SignedHeaders') ?? '';
  const headers = signedHeaders
    .split(';')
    .map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const canonicalQuery = [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`)
    .toSorted()
    .join('&');
  const canonicalRequest = [
    request.method,
    url.pathname,
    canonicalQuery,
    headers.join(''),
    signedHeaders,
    query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const digest = createHash('sha256').update(canonicalRequest).digest('hex');
  const toSign = [ALGORITHM, date, `${day}/${region}/s3/aws4_request`, digest].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (earlier, part) => hmac(earlier, part),
    Buffer.from(`AWS4${CREDENTIALS.secretAccessKey}`),
  );
  const expected = hmac(key, toSign);
  const signature = Buffer.from(query.get('X-Amz-Signature') ?? '', 'hex');
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return false;

  const start = Date.parse(date.replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  const seconds = Number(query.get('X-Amz-Expires'));
  return seconds <= 7 * 24 * 3600 && nowMs < start + seconds * 1000;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
