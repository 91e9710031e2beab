import { describe, expect, it } from 'vitest';

import { parseDump } from './graph.ts';

const hash = 'ab'.repeat(32);

describe('a dump of the Nix database', () => {
  it('gives hash, size and references of each path', () => {
    const dump = `/nix/store/a\n${hash}\n120\n/nix/store/a.drv\n2\n/nix/store/a\n/nix/store/b\n/nix/store/b\n${hash}\n96\n\n0\n`;
    expect(parseDump(dump)).toEqual([
      {
        path: '/nix/store/a',
        narHash: `sha256:${hash}`,
        narSize: 120,
        references: ['/nix/store/a', '/nix/store/b'],
      },
      { path: '/nix/store/b', narHash: `sha256:${hash}`, narSize: 96, references: [] },
    ]);
  });

  it('of no paths is empty', () => {
    expect(parseDump('')).toEqual([]);
  });

  it.each([
    ['cut short', `/nix/store/a\n${hash}\n120\n\n2\n/nix/store/a\n`],
    ['with another hash form', `/nix/store/a\nsha256:xyz\n120\n\n0\n`],
  ])('%s is an error, not a smaller graph', (_what, dump) => {
    expect(() => parseDump(dump)).toThrow(/is not understood/);
  });
});
