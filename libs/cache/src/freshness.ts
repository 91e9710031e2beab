import type { Freshness, ManifestKind } from './records.ts';

/** A clock that was set back by no more than this (ms) is taken for the usual correction of a running clock. */
const CLOCK_SLACK_MS = 60_000;

/**
 * How old an entry is, and whether it may still be served.
 *
 * Measured from the put, not from the record's `builtAt`: a moving reference that resolves to the same commit again gets
 * the old image under a new date. An entry from the future (the clock was set back) has an unknown age: a moving one is
 * then stale, which costs one evaluation, where believing it could serve it for years.
 */
export function freshness(
  entry: { readonly kind: ManifestKind; readonly storedAt: number },
  now: number,
  recencyMs: number,
): Freshness {
  const elapsed = now - entry.storedAt;
  const ageMs = Math.max(0, elapsed);
  if (entry.kind === 'pinned') return { ageMs, maxAgeMs: null, fresh: true };
  return { ageMs, maxAgeMs: recencyMs, fresh: elapsed >= -CLOCK_SLACK_MS && ageMs < recencyMs };
}
