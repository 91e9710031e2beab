import { describe, expect, it } from 'vitest';

import { parsePattern } from './pattern.ts';

function names(pattern: string, attribute: string): boolean | undefined {
  return parsePattern(pattern)?.names(attribute);
}

describe('a pattern', () => {
  it.for([
    ['git', 'git', true],
    ['git', 'gitui', false],
    ['git', 'git.doc', false],
    ['git*', 'gitui', true],
    ['git*', 'git', true],
    ['git*', 'gitandtools.tig', false],
    ['python3Packages.*', 'python3packages.requests', true],
    ['python3Packages.*', 'python3packages', false],
    ['python3Packages.*', 'python3packages.a.b', false],
    ['python3Packages.**', 'python3packages.a.b', true],
    ['**', 'anything.at.all', true],
    ['*', 'anything.at.all', false],
    ['**.requests', 'python3packages.requests', true],
    ['go_1_2?', 'go_1_22', true],
    ['go_1_2?', 'go_1_2', false],
    ['a?b', 'a.b', false],
    ['_1password', '1password', true],
    ['x._7zz', 'x.7zz', true],
    ['bashInteractive', 'bashinteractive', true],
    ['gtk+', 'gtk', undefined],
  ] as const)('%s names %s: %s', ([pattern, attribute, expected]) => {
    expect(names(pattern, attribute)).toBe(expected);
  });

  it('covers what is below what it names', () => {
    const git = parsePattern('git');
    expect(git?.covers('git')).toBe(true);
    expect(git?.covers('git.out')).toBe(true);
    expect(git?.covers('git.a.b')).toBe(true);
    expect(git?.covers('gitui')).toBe(false);
    expect(git?.covers('x.git')).toBe(false);
  });

  it.for(['', '.', 'a..b', 'a.', 'a/b', 'a b', '^a', 'a|b', '*a*b*c*d*e*'])('is not %j', (text) => {
    expect(parsePattern(text)).toBeUndefined();
  });
});
