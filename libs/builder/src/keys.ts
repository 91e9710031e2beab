import { createHash } from 'node:crypto';

import { canonicalJson, type Json } from './image/json.ts';

/**
 * A cache key: the hash of canonical JSON, in hex. Joined strings would let one value's separator be another's content.
 */
export function keyOf(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
