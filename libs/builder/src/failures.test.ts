import { describe, expect, it } from 'vitest';

import { BuildError } from './errors.ts';
import { RecentFailures } from './failures.ts';

describe('recent failures', () => {
  it.each([
    ['build-failed', 60_000],
    ['package-not-found', 60_000],
    ['hash-mismatch', 5_000],
    ['timeout', 5_000],
    ['deadline', 5_000],
    ['source-unavailable', 5_000],
    ['internal', 5_000],
  ] as const)('of the code %s are remembered %i ms', (code, ms) => {
    let now = 0;
    const failures = new RecentFailures(() => now);
    const error = new BuildError(code, 'it failed');
    failures.add('key', error);
    now = ms - 1;
    expect(failures.get('key')).toBe(error);
    now = ms;
    expect(failures.get('key')).toBeUndefined();
  });

  it.each(['overloaded', 'stopping'] as const)('do not include %s', (code) => {
    const failures = new RecentFailures();
    failures.add('key', new BuildError(code, 'not now'));
    expect(failures.get('key')).toBeUndefined();
  });

  it('are let go once they are over, also where nobody asks for them again', () => {
    let now = 0;
    const failures = new RecentFailures(() => now);
    for (let i = 0; i < 100; i++) failures.add(`${i}`, new BuildError('build-failed', ''));
    expect(failures.size).toBe(100);
    now = 60_000;
    failures.add('later', new BuildError('internal', ''));
    expect(failures.size).toBe(1);
    expect(failures.get('later')).toBeDefined();
  });

  it('are bounded, the oldest going first', () => {
    const failures = new RecentFailures();
    for (let i = 0; i <= 10_000; i++) failures.add(`${i}`, new BuildError('build-failed', ''));
    expect(failures.get('0')).toBeUndefined();
    expect(failures.get('1')).toBeDefined();
    expect(failures.get('10000')).toBeDefined();
  });
});
