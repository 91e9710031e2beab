import { describe, expect, it } from 'vitest';

import { BuildLog } from './build-log.ts';

describe('the log of a build', () => {
  it('gives lines from a number on, however often', () => {
    const log = new BuildLog();
    for (const line of ['a', 'b', 'c']) log.add(line);
    expect(log.since(0)).toEqual({ first: 0, lines: ['a', 'b', 'c'] });
    expect(log.since(2)).toEqual({ first: 2, lines: ['c'] });
    expect(log.since(3)).toEqual({ first: 3, lines: [] });
    expect(log.since(99)).toEqual({ first: 3, lines: [] });
  });

  it('drops its oldest lines, and says so by their numbers', () => {
    const log = new BuildLog();
    for (let i = 0; i < 2_500; i++) log.add(`line ${i}`);
    expect(log.next).toBe(2_500);
    const { first, lines } = log.since(0);
    expect(first).toBe(500);
    expect(lines[0]).toBe('line 500');
    expect(lines.at(-1)).toBe('line 2499');
  });

  it('of few long lines is bounded too', () => {
    const log = new BuildLog();
    for (let i = 0; i < 200; i++) log.add('x'.repeat(2_000));
    const { lines } = log.since(0);
    expect(lines.join('').length).toBeLessThanOrEqual(128 * 1024);
    expect(lines.length).toBeGreaterThan(60);
  });
});
