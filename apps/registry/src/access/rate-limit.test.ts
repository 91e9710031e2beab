import { expect, it } from 'vitest';

import { RateLimit } from './rate-limit.ts';

it('gives each client a minute’s worth at once, then as many as fill in again', () => {
  let now = 1_000;
  const limit = new RateLimit(60, () => now);
  for (let i = 0; i < 60; i++) expect(limit.take('a')).toBe(0);
  expect(limit.take('a')).toBe(1_000);
  expect(limit.take('b')).toBe(0);

  now += 400;
  expect(limit.take('a')).toBe(600);
  now += 600;
  expect(limit.take('a')).toBe(0);
  expect(limit.take('a')).toBe(1_000);

  now += 3_600_000;
  for (let i = 0; i < 60; i++) expect(limit.take('a')).toBe(0);
  expect(limit.take('a')).toBe(1_000);
});

it('does not let a client that keeps asking wait for longer', () => {
  let now = 0;
  const limit = new RateLimit(6, () => now);
  for (let i = 0; i < 6; i++) limit.take('a');
  for (let i = 0; i < 100; i++) {
    now += 90;
    expect(limit.take('a')).toBeGreaterThan(0);
  }
  now += 1_000;
  expect(limit.take('a')).toBe(0);
});
