import { digestOf } from '@nixery/storage';
import { expect, it } from 'vitest';

import { PullCounts } from './pull-counts.ts';

const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(Buffer.from(text)));

it('counts each manifest by itself', () => {
  const counts = new PullCounts();
  const before = Date.now();
  for (const digest of [a, b, a]) if (digest !== undefined) counts.note(digest);
  expect(a && counts.of(a)?.count).toBe(2);
  expect(b && counts.of(b)?.count).toBe(1);
  expect(c && counts.of(c)).toBeNull();
  expect(a && counts.of(a)?.lastAt).toBeGreaterThanOrEqual(before);
});

it('forgets those that came first beyond its bound', () => {
  const counts = new PullCounts(2);
  for (const digest of [a, b, c]) if (digest !== undefined) counts.note(digest);
  expect(a && counts.of(a)).toBeNull();
  expect(c && counts.of(c)?.count).toBe(1);
});
