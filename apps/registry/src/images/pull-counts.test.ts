import { type Digest, digestOf } from '@nixery/storage';
import { expect, it } from 'vitest';

import { PullCounts } from './pull-counts.ts';

const a = digestOf(Buffer.from('a'));
const b = digestOf(Buffer.from('b'));
const c = digestOf(Buffer.from('c'));

function open(max?: number): { readonly counts: PullCounts; readonly logged: readonly Digest[] } {
  const logged: Digest[] = [];
  const log = { note: (digest: Digest) => void logged.push(digest) };
  return { counts: new PullCounts(log, max), logged };
}

it('counts each manifest by itself', () => {
  const { counts } = open();
  const before = Date.now();
  for (const digest of [a, b, a]) counts.note(digest, false);
  expect(counts.of(a)?.count).toBe(2);
  expect(counts.of(b)?.count).toBe(1);
  expect(counts.of(c)).toBeNull();
  expect(counts.of(a)?.lastAt).toBeGreaterThanOrEqual(before);
});

it('does not count manifests that are only described, yet has them logged', () => {
  const { counts, logged } = open();
  counts.note(a, true);
  expect(counts.of(a)).toBeNull();
  expect(logged).toEqual([a]);
});

it('has a manifest that is pulled all the time logged now and then, not each time', () => {
  const { counts, logged } = open();
  for (let times = 0; times < 1_000; times += 1) counts.note(a, false);
  counts.note(b, false);
  expect(counts.of(a)?.count).toBe(1_000);
  expect(logged).toEqual([a, b]);
});

it('forgets those that came first beyond its bound', () => {
  const { counts } = open(2);
  for (const digest of [a, b, c]) counts.note(digest, false);
  expect(counts.of(a)).toBeNull();
  expect(counts.of(c)?.count).toBe(1);
});
