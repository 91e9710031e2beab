import { describe, expect, it } from 'vitest';

import { firstOf, oneLine, termsOf } from './terms.ts';

describe('the words a package is found by', () => {
  it('are its name, what its name is made of, what it is run by, and the set it is in', () => {
    const terms = termsOf(['python3Packages', 'pyYAML'], { name: 'pyyaml', mainProgram: 'yaml2' });
    expect(terms).toEqual({
      leaf: 'pyYAML py YAML',
      names: 'pyyaml yaml2 yaml 2',
      path: 'python3Packages python 3 Packages',
    });
  });

  it('hold no name twice', () => {
    expect(termsOf(['git'], { name: 'git', mainProgram: 'git' })).toEqual({
      leaf: 'git',
      names: '',
      path: '',
    });
  });
});

describe('a text of a package', () => {
  it('is one line, without control characters', () => {
    expect(oneLine(' a\n\tb\u0000\u001b[31mc\u009b ', 100)).toBe('a b [31mc');
  });

  it('is cut where it is too long, but not within a character', () => {
    expect(oneLine('abcdef', 6)).toBe('abcdef');
    expect(oneLine('abcdefg', 6)).toBe('abcde…');
    expect(oneLine('abcd😀fgh', 6)).toBe('abcd…');
    expect(firstOf('😀😀', 3)).toBe('😀');
  });
});
