import { spawnSync } from 'node:child_process';

import { describe, expect, test } from 'vitest';

import { compareVersions, upstreamVersion } from './version.ts';

const ordered = [
  '1.0~~',
  '1.0~rc1-1',
  '1.0',
  '1.0-1~deb12u1',
  '1.0-1',
  '1.0-1+b1',
  '1.0-1+deb12u2',
  '1.0-1.1',
  '1.0a',
  '1.0+dfsg-1',
  '1.0.1',
  '1.2',
  '1.10',
  '1.010.1',
  '2-1',
  'a',
  '1:0.1',
  '2:0',
];

describe('compareVersions', () => {
  test('agrees with dpkg on every pair', () => {
    const wrong = ordered.flatMap((left) =>
      ordered.flatMap((right) => {
        const relation = ['lt', 'eq', 'gt'][Math.sign(compareVersions(left, right)) + 1] ?? '';
        const { status } = spawnSync('dpkg', ['--compare-versions', left, relation, right]);
        return status === 0 ? [] : [`${left} ${relation} ${right}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('compares numbers that are too long for a double', () => {
    expect(compareVersions('20250520123456789012', '20250520123456789013')).toBeLessThan(0);
  });
});

describe('upstreamVersion', () => {
  test.each([
    ['1:2.39.5-0+deb12u2', '2.39.5'],
    ['6.4-4', '6.4'],
    ['2.10.18+dfsg1-3', '2.10.18'],
    ['18.20.4+dfsg-1~deb12u1', '18.20.4'],
    ['20230311+deb12u1', '20230311'],
    ['0.5.12', '0.5.12'],
    ['9.2p1-2+deb12u5', '9.2p1'],
    ['15+248+deb12u2', '15'],
    ['22.01+really26.02+dfsg-0+deb12u1', '26.02'],
  ])('of %s is %s', (version, upstream) => {
    expect(upstreamVersion(version)).toBe(upstream);
  });
});
