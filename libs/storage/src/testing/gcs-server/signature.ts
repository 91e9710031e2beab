import { createHash, verify, type KeyObject } from 'node:crypto';
import { encodeUri } from '../encode-uri.ts';
import type { Exchange } from './answer.ts';

/** A service account, by its e-mail address and the public half of its key. */
export interface Account {
  readonly email: string;
  readonly publicKey: KeyObject;
}

const ALGORITHM = 'GOOG4-RSA-SHA256';
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

export type Verdict = 'valid' | 'expired' | 'wrong';

/**
 * Verifies a V4 signed address (cloud.google.com/storage/docs/authentication/canonical-requests), with the rules of that
 * page and not with the signer's code.
 */
export function verifySignature(
  { request, url }: Exchange,
  account: Account | undefined,
  nowMs: number,
): Verdict {
  const query = url.searchParams;
  const date = query.get('X-Goog-Date') ?? '';
  const scope = `${date.slice(0, 8)}/auto/storage/goog4_request`;
  const signature = query.get('X-Goog-Signature') ?? '';
  if (account === undefined || query.get('X-Goog-Algorithm') !== ALGORITHM) return 'wrong';
  if (query.get('X-Goog-Credential') !== `${account.email}/${scope}`) return 'wrong';

  const signedHeaders = query.get('X-Goog-SignedHeaders') ?? '';
  const headers = signedHeaders.split(';').map((name) => `${name}:${headerOf(request, name)}\n`);
  const canonicalQuery = [...query]
    .filter(([name]) => name !== 'X-Goog-Signature')
    .map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`)
    .toSorted()
    .join('&');
  const canonicalRequest = [
    request.method,
    url.pathname,
    canonicalQuery,
    headers.join(''),
    signedHeaders,
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const digest = createHash('sha256').update(canonicalRequest).digest('hex');
  const signed = Buffer.from([ALGORITHM, date, scope, digest].join('\n'));
  if (!verify('sha256', signed, account.publicKey, Buffer.from(signature, 'hex'))) return 'wrong';

  const seconds = Number(query.get('X-Goog-Expires'));
  const start = Date.parse(date.replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  const valid = seconds <= 7 * 24 * 3600 && nowMs >= start && nowMs < start + seconds * 1000;
  return valid ? 'valid' : 'expired';
}

/** The client library signs the host without its port, which Google's addresses never have. */
function headerOf(request: Exchange['request'], name: string): string {
  const value = String(request.headers[name] ?? '').trim();
  return name === 'host' ? value.replace(/:\d+$/, '') : value;
}
