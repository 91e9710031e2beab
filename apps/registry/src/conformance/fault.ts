import { z } from 'zod';

import { ERROR_CODES } from './case.ts';
import type { RawAnswer } from './raw-http.ts';

/** distribution-spec, "Error Codes": one or more errors, the message and detail optional. */
export const errorSchema = z.object({
  errors: z.array(z.object({ code: z.enum(ERROR_CODES), message: z.string().min(1) })).min(1),
});

/**
 * What is wrong with an answer, whatever was asked: a fault of ours, or an error in other words than the specification's.
 *
 * @param answer null where there was none, which to what is no request is right
 */
export function faultOfAnswer(answer: RawAnswer | null, isHead: boolean): string | undefined {
  if (answer === null) return undefined;
  const { body, headers, status } = answer;
  if (status >= 500) return `status ${status}`;
  if (status < 400 || isHead) return undefined;
  if (headers.get('content-type') !== 'application/json') return 'an error that is no JSON';
  return errorSchema.safeParse(JSON.parse(body.toString('utf8'))).error?.message;
}
