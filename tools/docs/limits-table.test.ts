import { listSettings } from '@nixery/registry/settings';
import { describe, expect, test } from 'vitest';
import { amount, limitsTable } from './limits-table.ts';

describe('a table of limits', () => {
  test.each([
    [255, 'count', '255'],
    [1_000_000, 'count', '1,000,000'],
    [0, 'count', 'none'],
    [128 * 1024 * 1024, 'bytes', '128 MiB'],
    [2_048, 'bytes', '2 KiB'],
    [5_000, 'ms', '5 s'],
    [90_000, 'ms', '90 s'],
    [600_000, 'ms', '10 min'],
    [21_600, 'seconds', '6 h'],
    [0, 'seconds', 'none'],
  ] as const)('writes %d %s as %s', (value, unit, text) => {
    expect(amount(value, unit)).toBe(text);
  });

  test('takes numbers from sources and from settings', async () => {
    const table = await limitsTable(
      [
        ['Packages', 'count', ['a.ts', 'MAX_PACKAGES'], 'refused'],
        ['Derivations', 'seconds', { setting: 'NIX_TIMEOUT' }, 'ended'],
      ],
      listSettings(),
      (file) => Promise.resolve(file === 'a.ts' ? 'const MAX_PACKAGES = 64;' : ''),
    );
    expect(table.split('\n').slice(2)).toEqual([
      '| Packages | 64 |  | refused |',
      '| Derivations | 1 min | [`NIX_TIMEOUT`](configuration.md#nix_timeout) | ended |',
    ]);
  });
});
