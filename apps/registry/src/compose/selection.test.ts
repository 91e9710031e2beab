import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  composeAddress,
  nameOf,
  parseSelection,
  partsOf,
  type Selection,
  withoutPackage,
  withPackage,
} from './selection.ts';

function selectionOf(address: string): Selection {
  return parseSelection(new URL(address, 'http://registry.example').searchParams);
}

describe('a selection', () => {
  it('is all in the address', () => {
    const part = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+){0,2}$/);
    fc.assert(
      fc.property(
        fc.record({
          packages: fc.uniqueArray(part, { maxLength: 20 }),
          hasShell: fc.boolean(),
          platform: fc.constantFrom(null, 'amd64' as const, 'arm64' as const),
          tag: fc.stringMatching(/^[a-z0-9._-]{0,20}$/),
          query: fc.string({ maxLength: 50 }),
        }),
        (selection) => {
          expect(selectionOf(composeAddress(selection))).toEqual({
            ...selection,
            query: selection.query.toWellFormed(),
          });
        },
      ),
    );
  });

  it('is read from any address', () => {
    fc.assert(
      fc.property(fc.string(), (query) => {
        const selection = parseSelection(new URLSearchParams(query));
        expect(selectionOf(composeAddress(selection)).packages).toEqual(selection.packages);
      }),
    );
    const many = Array.from({ length: 2_000 }, (_, i) => `package=p${i}`).join('&');
    expect(selectionOf(`/?${many}`).packages).toHaveLength(100);
    expect(selectionOf(`/?q=${'x'.repeat(5_000)}`).query).toHaveLength(200);
    expect(selectionOf('/?platform=riscv&shell=yes&package=+')).toEqual(selectionOf('/'));
  });

  it('gains and loses packages', () => {
    const selection = withPackage(selectionOf('/?package=git&q=j'), 'jq');
    expect(composeAddress(selection)).toBe('/?package=git&package=jq');
    expect(composeAddress(withPackage(selection, 'git'))).toBe('/?package=git&package=jq');
    expect(composeAddress(withoutPackage(selection, 'git'))).toBe('/?package=jq');
  });
});

describe('the name of an image', () => {
  it.each([
    ['/', null],
    ['/?package=git&package=Curl', 'git/curl'],
    ['/?shell=1', 'shell'],
    ['/?shell=1&platform=arm64&package=git', 'arm64/shell/git'],
    ['/?package=shell', 'cacert/shell'],
    ['/?package=arm64&package=git&shell=1', 'shell/git/arm64'],
  ])('of %s is %s', (address, name) => {
    expect(nameOf(selectionOf(address))).toBe(name);
  });

  it('has parts that are names', () => {
    expect(partsOf(selectionOf('/?platform=arm64&shell=1&package=git&package=jq'))).toEqual([
      'arm64/shell',
      'arm64/git',
      'arm64/jq',
    ]);
    expect(partsOf(selectionOf('/'))).toEqual([]);
  });
});
