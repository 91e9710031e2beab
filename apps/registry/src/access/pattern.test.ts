import fc from 'fast-check';
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
    ['*a*b*c*d*e*', 'xaxbxcxdxex', true],
    ['a***', 'a.b', true],
    ['*.*', 'a.b', true],
    ['*.*', 'a.b.c', false],
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

  it.for(['', '.', 'a..b', 'a.', 'a/b', 'a b', '^a', 'a|b'])('is not %j', (text) => {
    expect(parsePattern(text)).toBeUndefined();
  });

  it('is what the regular expression is that says the same', () => {
    const part = fc.constantFrom('a', 'b', 'A', '-', '*', '**', '?', '.');
    const texts = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
    const attributes = fc.stringMatching(/^[ab-]{0,4}(\.[ab-]{0,4}){0,2}$/);
    fc.assert(
      fc.property(texts, attributes, (text, attribute) => {
        const pattern = parsePattern(text);
        fc.pre(pattern !== undefined);
        const source = text.toLowerCase().replaceAll(/\*\*+|\*|\?|\./g, (wildcard) => {
          if (wildcard.startsWith('**')) return '.*';
          return { '*': '[^.]*', '?': '[^.]', '.': '\\.' }[wildcard] ?? '';
        });
        expect(pattern.names(attribute)).toBe(new RegExp(`^${source}$`).test(attribute));
        expect(pattern.covers(attribute)).toBe(new RegExp(`^${source}(?:\\..*)?$`).test(attribute));
      }),
    );
  });

  it('takes no long time over a name that was made for it to', () => {
    const pattern = parsePattern('**e**e**e**e**e**e**e**x');
    expect(pattern?.covers(`${'e'.repeat(254)}y`)).toBe(false);
  });
});
