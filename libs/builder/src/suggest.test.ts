import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { editDistance, suggest } from './suggest.ts';

describe('suggestions', () => {
  const names = ['git', 'gitFull', 'gist', 'jq', 'htop', 'python3', 'nodejs', 'bashInteractive'];

  it.each([
    ['gti', 'git'],
    ['hotp', 'htop'],
    ['pyhton3', 'python3'],
    ['bashinteractiv', 'bashInteractive'],
    ['node', 'nodejs'],
  ])('for %s begin with %s', (typed, meant) => {
    expect(suggest(typed, names)[0]).toBe(meant);
  });

  it('are none when nothing resembles the name', () => {
    expect(suggest('zzzzzz', names)).toEqual([]);
  });

  it('are at most three, in an order that does not depend on the order of the names', () => {
    const many = Array.from({ length: 50 }, (_, i) => `lib${i}`);
    expect(suggest('lib1', many)).toHaveLength(3);
    expect(suggest('lib1', many.toReversed())).toEqual(suggest('lib1', many));
  });
});

describe('the edit distance', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });

  it('is zero for equal words only, symmetric, and capped just above its limit', () => {
    fc.assert(
      fc.property(word, word, fc.nat(9), (a, b, limit) => {
        const full = editDistance(a, b, 10);
        expect(full === 0).toBe(a === b);
        expect(editDistance(b, a, 10)).toBe(full);
        expect(editDistance(a, b, limit)).toBe(full <= limit ? full : limit + 1);
      }),
      // Pairs just above the limit are rare.
      { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 2000) },
    );
  });
});
