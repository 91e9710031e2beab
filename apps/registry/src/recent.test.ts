import { describe, expect, it } from 'vitest';

import { Recent } from './recent.ts';

function numbers(maxSize: number): Recent<string, number> {
  return new Recent({ maxSize, sizeOf: (value) => value });
}

describe('what was lately used', () => {
  it('is known, and the rest is not', () => {
    const recent = numbers(10);
    expect(recent.get('a')).toBeUndefined();
    recent.set('a', 1);
    expect(recent.get('a')).toBe(1);
  });

  it('is kept up to a size, that used least lately goes first', () => {
    const recent = numbers(8);
    for (const key of ['a', 'b', 'c', 'd']) recent.set(key, 2);
    expect(recent.get('a')).toBe(2);
    for (const key of ['e', 'f']) recent.set(key, 2);
    expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => recent.get(key) === undefined)).toEqual([
      'b',
      'c',
      'd',
    ]);
  });

  it('stays for as long as it is used', () => {
    const recent = new Recent<number, number>({ maxSize: 10 });
    recent.set(0, 0);
    for (let n = 1; n < 1_000; n++) {
      recent.set(n, n);
      expect(recent.get(0)).toBe(0);
    }
  });

  it('never comes to more than its size', () => {
    const recent = new Recent<number, number>({ maxSize: 100, sizeOf: (value) => value });
    for (let n = 0; n < 5_000; n++) {
      recent.set(n % 71, (n * 7) % 60);
      recent.get((n * 3) % 71);
    }
    const kept = Array.from({ length: 71 }, (_, key) => recent.get(key) ?? 0);
    expect(kept.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(100);
  });

  it('is replaced by what comes under the same key', () => {
    const recent = numbers(8);
    recent.set('a', 1);
    recent.set('a', 3);
    expect(recent.get('a')).toBe(3);
    recent.set('a', 5);
    expect(recent.get('a')).toBeUndefined();
  });
});
