import { describe, expect, test } from 'vitest';

import { parseIndexTargets, selectDebian } from './index-targets.ts';
import type { IndexTarget } from './index-targets.ts';

function target(codename: string, origin = 'Debian'): IndexTarget {
  return {
    archiveUrl: 'http://archive.invalid/debian/',
    release: codename,
    codename,
    component: 'main',
    architecture: 'amd64',
    origin,
    file: `/lists/${codename}`,
  };
}

describe('parseIndexTargets', () => {
  test('reads a target a line', () => {
    const line = [
      'http://archive.invalid/debian/',
      'stable',
      'bookworm',
      'main',
      'amd64',
      'Debian',
      '/lists/x',
    ];
    expect(parseIndexTargets(`${line.join('\t')}\n`)).toEqual([
      { ...target('bookworm'), release: 'stable', file: '/lists/x' },
    ]);
  });
});

describe('selectDebian', () => {
  test('leaves out what is not from Debian', () => {
    const vendor = target('bookworm', '. nodistro');
    expect(selectDebian([vendor, target('bookworm')], 'bookworm')).toEqual([target('bookworm')]);
  });

  test("keeps to the host's own release, with its updates", () => {
    const names = [
      'bookworm',
      'bookworm-updates',
      'bookworm-security',
      'bookworm-backports',
      'trixie',
    ];
    const kept = selectDebian(
      names.map((name) => target(name)),
      'bookworm',
    );
    expect(kept.map(({ codename }) => codename)).toEqual(names.slice(0, 3));
  });

  test('takes what there is, but no backports, where the release is not among the sources', () => {
    const kept = selectDebian(
      [target('sid'), target('sid-backports'), target('experimental')],
      'forky',
    );
    expect(kept).toEqual([target('sid')]);
  });
});
