import { describe, expect, it } from 'vitest';
import { Recent } from './recent.ts';

describe('what was lately used', () => {
  it('is known, and the rest is not', () => {
    const recent = new Recent<string, number>(10);
    expect(recent.get('a')).toBeUndefined();
    recent.set('a', 1);
    expect(recent.get('a')).toBe(1);
    recent.delete('a');
    expect(recent.get('a')).toBeUndefined();
  });

  it('is kept up to a size; what was not used since the last came goes first', () => {
    const recent = new Recent<string, number>(8);
    for (const key of ['a', 'b', 'c', 'd']) recent.set(key, 0, 2);
    expect(recent.get('a')).toBe(0);
    for (const key of ['e', 'f']) recent.set(key, 0, 2);
    const kept = ['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => recent.get(key) !== undefined);
    expect(kept).toEqual(['a', 'd', 'e', 'f']);
  });

  it('is told of when it goes: for want of room, for another value, or at will', () => {
    const gone: string[] = [];
    const recent = new Recent<string, string>(2, (value) => gone.push(value));
    for (const name of ['a', 'b', 'c']) recent.set(name, name);
    expect(gone).toEqual(['a']);
    recent.set('b', 'new');
    expect(gone).toEqual(['a', 'b']);
    recent.delete('b');
    recent.delete('b');
    expect(gone).toEqual(['a', 'b', 'new']);
  });

  it('has a place that is worth as much as its key, for as long as it is kept', () => {
    const recent = new Recent<string, string>(2);
    recent.set('a', 'value');
    const place = recent.find('a');
    expect(place?.use()).toBe('value');
    recent.set('b', 'value');
    recent.set('c', 'value');
    expect(place?.use()).toBe('value');
    recent.delete('a');
    expect(place?.use()).toBeUndefined();
  });

  it('stays for as long as it is used', () => {
    const recent = new Recent<number, number>(10);
    recent.set(0, 0);
    for (let n = 1; n < 1_000; n++) {
      recent.set(n, n);
      expect(recent.get(0)).toBe(0);
    }
  });

  it('makes room within 32 steps where all is used', () => {
    const recent = new Recent<number, number>(1_000);
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    for (const n of numbers) recent.set(n, n);
    for (const n of numbers) recent.get(n);
    recent.set(1_000, 1_000);
    expect(numbers.filter((n) => recent.get(n) === undefined)).toEqual([32]);
  });

  it('stays, all of it, where there is room for all', () => {
    const recent = new Recent<number, number>(1_000);
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    for (const n of numbers) recent.set(n, n);
    for (const half of [numbers.slice(500), numbers, numbers.slice(0, 500), numbers]) {
      expect(half.map((n) => recent.get(n))).toEqual(half);
    }
  });

  it('never comes to more than its size, nor to much less', () => {
    const recent = new Recent<number, number>(1_000);
    for (let n = 0; n < 5_000; n++) {
      const size = 1 + ((n * 7) % 60);
      recent.set(n % 971, size, size);
      recent.get((n * 3) % 971);
      if (n % 11 === 0) recent.delete((n * 5) % 971);
    }
    const kept = Array.from({ length: 971 }, (_, key) => recent.get(key) ?? 0);
    const total = kept.reduce((sum, size) => sum + size);
    expect(total).toBeLessThanOrEqual(1_000);
    expect(total).toBeGreaterThan(800);
  });

  it('is replaced by what comes under the same key, and forgotten for what is too large', () => {
    const recent = new Recent<string, number>(8);
    recent.set('a', 1);
    recent.set('a', 3, 8);
    expect(recent.get('a')).toBe(3);
    recent.set('a', 5, 9);
    expect(recent.get('a')).toBeUndefined();
  });

  it('is held by nobody once it had to go', () => {
    const recent = new Recent<string, number>(2);
    recent.set('a', 1);
    const held = recent.find('a');
    expect(held?.use()).toBe(1);
    recent.set('b', 2);
    recent.set('c', 3);
    // Used since the hand came by, so it was b that had to go.
    expect(held?.use()).toBe(1);
    recent.delete('a');
    expect(held?.use()).toBeUndefined();
  });
});
