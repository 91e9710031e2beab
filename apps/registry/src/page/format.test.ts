import { describe, expect, it } from 'vitest';

import { countOf, formatAgo, formatBytes, formatDuration, sentence } from './format.ts';

describe('a size', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [64_000_000, '64.0 MB'],
    [4_000_000_000, '4.0 GB'],
    [5e15, '5000 TB'],
  ])('of %i bytes is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('a span of time', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.0 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 0 s'],
    [200_000, '3 min 20 s'],
  ])('of %i ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('how long ago', () => {
  it.each([
    [-5, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 minute ago'],
    [7_200_000, '2 hours ago'],
    [86_399_999, '23 hours ago'],
    [200 * 86_400_000, '200 days ago'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatAgo(ms)).toBe(text);
  });
});

it.each([
  ['this server does not remember it', 'This server does not remember it.'],
  ['use ".", "_" or "-"', 'Use ".", "_" or "-".'],
  ['Already one.', 'Already one.'],
  ['', ''],
])('the message %j is the sentence %j', (message, text) => {
  expect(sentence(message)).toBe(text);
});

it('a count has its noun in the singular or the plural', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'layer'))).toEqual([
    '0 layers',
    '1 layer',
    '2 layers',
  ]);
});
