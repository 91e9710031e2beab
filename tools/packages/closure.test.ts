import { array, assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';

import { findUnits, reachableUnits, resolveClosure } from './closure.ts';
import { readArchive } from './control.ts';

function archiveOf(
  depends: Readonly<Record<string, string>>,
  provides: Readonly<Record<string, string>> = {},
) {
  const text = Object.entries(depends)
    .map(([name, relations]) =>
      [
        `Package: ${name}`,
        'Version: 1',
        `Depends: ${relations}`,
        `Provides: ${provides[name] ?? ''}`,
        `Filename: ${name}.deb`,
        'SHA256: 0',
      ].join('\n'),
    )
    .join('\n\n');
  return readArchive([{ archiveUrl: 'http://archive.invalid/', text }]);
}

describe('resolveClosure', () => {
  test('takes what the roots need, and nothing else', () => {
    const archive = archiveOf({ aa: 'bb', bb: 'cc', cc: '', dd: 'aa' });
    expect([...resolveClosure(archive, ['aa'], new Set()).packages.keys()]).toEqual([
      'aa',
      'bb',
      'cc',
    ]);
  });

  test('takes the first alternative that exists, or who provides it', () => {
    const archive = archiveOf({ aa: 'gone | bb, virtual', bb: '', cc: '' }, { cc: 'virtual' });
    expect(resolveClosure(archive, ['aa'], new Set()).depends.get('aa')).toEqual(['bb', 'cc']);
  });

  test('leaves out what is ignored, together with its alternatives', () => {
    const archive = archiveOf({ aa: 'debconf | cdebconf, bb', bb: '', cdebconf: '', debconf: '' });
    expect(resolveClosure(archive, ['aa'], new Set(['debconf'])).depends.get('aa')).toEqual(['bb']);
  });

  test('names roots that the archive lacks', () => {
    expect(resolveClosure(archiveOf({ aa: '' }), ['aa', 'zz'], new Set()).missing).toEqual(['zz']);
  });
});

describe('findUnits', () => {
  test('makes one unit of a cycle and orders dependencies first', () => {
    const depends = new Map([
      ['hello', ['libc6']],
      ['libc6', ['libgcc']],
      ['libgcc', ['base', 'libc6']],
      ['base', []],
    ]);
    expect(findUnits(depends)).toEqual([
      { name: 'base', members: ['base'], depends: [] },
      { name: 'libc6', members: ['libc6', 'libgcc'], depends: ['base'] },
      { name: 'hello', members: ['hello'], depends: ['libc6'] },
    ]);
  });

  test('of any graph are a partition whose members reach each other, without a cycle among units', () => {
    const graph = array(array(nat(11), { maxLength: 4 }), {
      minLength: 12,
      maxLength: 12,
    });
    assert(
      property(graph, (edges) => {
        const depends = new Map(
          edges.map((targets, node) => [`n${node}`, targets.map((target) => `n${target}`)]),
        );
        const units = findUnits(depends);
        expect(units.flatMap(({ members }) => members).sort()).toEqual([...depends.keys()].sort());
        const done = new Set<string>();
        for (const { name, members, depends: others } of units) {
          expect(others.every((other) => done.has(other))).toBe(true);
          for (const member of members)
            expect(reach(depends, member)).toEqual(expect.arrayContaining([...members]));
          done.add(name);
        }
      }),
    );
  });
});

describe('reachableUnits', () => {
  test('lists the nearest first', () => {
    const depends = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', []],
      ['d', []],
    ]);
    const units = new Map(findUnits(depends).map((unit) => [unit.name, unit]));
    expect(reachableUnits(units, ['a'])).toEqual(['a', 'b', 'c', 'd']);
  });
});

function reach(depends: ReadonlyMap<string, readonly string[]>, from: string): readonly string[] {
  const reached = new Set([from]);
  for (const name of reached) for (const next of depends.get(name) ?? []) reached.add(next);
  return [...reached];
}
