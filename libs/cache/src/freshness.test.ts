import { expect, test } from 'vitest';
import { freshness } from './freshness.ts';

const HOUR = 3_600_000;
const recencyMs = 6 * HOUR;
const storedAt = 1_800_000_000_000;

test.each([
  { description: 'just put', after: 0, fresh: true, ageMs: 0 },
  { description: 'a moment before its time is up', after: 6 * HOUR - 1, fresh: true },
  { description: 'when its time is up', after: 6 * HOUR, fresh: false },
  { description: 'long after (or with a clock set forward)', after: 9000 * HOUR, fresh: false },
  {
    description: 'with a clock corrected backwards a little',
    after: -60_000,
    fresh: true,
    ageMs: 0,
  },
  { description: 'with a clock set back', after: -60_001, fresh: false, ageMs: 0 },
])('a moving entry $description: fresh $fresh', ({ after, fresh, ageMs = after }) => {
  expect(freshness({ kind: 'moving', storedAt }, storedAt + after, recencyMs)).toEqual({
    ageMs,
    maxAgeMs: recencyMs,
    fresh,
  });
});

test.each([0, 9000 * HOUR, -9000 * HOUR])('a pinned entry is fresh after %d ms', (after) => {
  expect(freshness({ kind: 'pinned', storedAt }, storedAt + after, recencyMs)).toEqual({
    ageMs: Math.max(0, after),
    maxAgeMs: null,
    fresh: true,
  });
});

test('a recency of 0 makes every moving entry stale at once', () => {
  expect(freshness({ kind: 'moving', storedAt }, storedAt, 0).fresh).toBe(false);
});
