import { parseImageName } from '@nixery/builder';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { imageNameOf, reachableNames } from './attribute-names.ts';

describe('the names in a set that an image name can lead to', () => {
  it.each([
    [
      ['git', 'bashInteractive', '_1password'],
      ['git', 'bashInteractive', '_1password'],
    ],
    [['caseClash', 'caseclash'], ['caseclash']],
    [['caseClash', 'CaseClash'], []],
    [['_1password', '1password'], ['1password']],
    [['c++', "foo'", 'a b', 'a/b', '', 'a.b', '-x', 'x-', '<b>', 'ünïcode'], []],
    [
      ['a-b', 'a--b', 'a_b', 'a__b', 'a___b'],
      ['a-b', 'a--b', 'a_b', 'a__b'],
    ],
  ])('of %j are %j', (names, reachable) => {
    expect(reachableNames([], names)).toEqual(reachable);
  });

  it('are bounded by the length of image names, the set included', () => {
    const name = 'x'.repeat(250);
    expect(reachableNames([], [name])).toEqual([name]);
    expect(reachableNames(['python3Packages'], [name])).toEqual([]);
  });

  it('all are parts of image names, and no two the same one', () => {
    const name = fc.string({ unit: fc.constantFrom(...'aAbB01_-.+'.split('')), maxLength: 5 });
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const spelled = reachableNames(['aSet'], names).map((found) =>
          imageNameOf(['aSet', found]),
        );
        expect(new Set(spelled).size).toBe(spelled.length);
        for (const part of spelled) {
          expect(parseImageName(part, 'latest').packages).toContain(part);
        }
      }),
    );
  });
});
