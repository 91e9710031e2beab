import * as z from 'zod';
import { BlobError, type BlobErrorCode } from '../error.ts';
import type { HttpAnswer } from './http.ts';

/** https://cloud.google.com/storage/docs/json_api/v1/status-codes */
const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    errors: z.array(z.object({ reason: z.string() })).default([]),
  }),
});

const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);
/** With status 403, though permission is not what is missing. */
const QUOTA_REASONS = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded']);

/**
 * An answer that is no success, as an error.
 *
 * @param action - what was tried: `Cannot <action>: …`.
 */
export async function failure(answer: HttpAnswer, action: string): Promise<BlobError> {
  const { message, reasons } = explain(await answer.text());
  const { status } = answer;
  return new BlobError(
    codeOf(status, reasons),
    `Cannot ${action}: Cloud Storage answers ${status} (${message})`,
  );
}

function codeOf(status: number, reasons: readonly string[]): BlobErrorCode {
  if (TRANSIENT.has(status)) return 'unavailable';
  if (status === 403 && reasons.some((reason) => QUOTA_REASONS.has(reason))) return 'unavailable';
  if (status === 401 || status === 403) return 'denied';
  return status === 404 ? 'not-found' : 'invalid';
}

function explain(text: string): { readonly message: string; readonly reasons: readonly string[] } {
  const parsed = errorSchema.safeParse(parseJson(text));
  if (!parsed.success) return { message: text.trim().slice(0, 200), reasons: [] };
  const { message, errors } = parsed.data.error;
  return { message, reasons: errors.map(({ reason }) => reason) };
}

/** Undefined for what is no JSON: proxies and load balancers answer in HTML. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
