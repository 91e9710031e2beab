import { describe, expect, test } from 'vitest';

import { architectures } from './architecture.ts';
import { readArchive } from './control.ts';
import type { Catalogue } from './entry.ts';
import { makeIndex } from './set-index.ts';

/** An archive of stanzas, each given by its own fields. */
function archiveOf(...stanzas: readonly Readonly<Record<string, string>>[]) {
  const text = stanzas
    .map((fields) => ({ Filename: 'x.deb', SHA256: '0'.repeat(64), ...fields }))
    .map((fields) =>
      Object.entries(fields)
        .map(([name, value]) => `${name}: ${value}`)
        .join('\n'),
    )
    .join('\n\n');
  return readArchive([{ archiveUrl: 'http://archive.invalid/', text }]);
}

function indexOf(archive: ReturnType<typeof archiveOf>, catalogue: Catalogue) {
  const [architecture] = architectures;
  return makeIndex(archive, {
    architecture,
    catalogue,
    interpreters: [],
    ignoredDepends: new Set(),
    locale: { of: 'libc', deb: 'locales', links: { 'usr/locale': 'usr/locale' } },
  });
}

describe('makeIndex', () => {
  test('takes from a package what it is, and from one that only names the current version, from that', () => {
    const archive = archiveOf(
      {
        Package: 'plain',
        Version: '1:2.3-4',
        Description: 'is plain',
        Homepage: 'https://plain.invalid/',
      },
      { Package: 'db', Version: '15+248', Depends: 'db-common, db-15', Description: 'is some db' },
      { Package: 'db-common', Version: '248' },
      {
        Package: 'db-15',
        Version: '15.9-0+deb12u1',
        Description: 'is db',
        Homepage: 'https://db.invalid/',
      },
    );
    const { index } = indexOf(archive, {
      db: { debs: ['db'], license: 'MIT' },
      plain: { debs: ['plain'], license: 'MIT' },
    });
    expect(index.attributes).toMatchObject([
      {
        name: 'db',
        value: { version: '15.9', meta: { description: 'is db', homepage: 'https://db.invalid/' } },
      },
      {
        name: 'plain',
        value: {
          version: '2.3',
          meta: { description: 'is plain', homepage: 'https://plain.invalid/' },
        },
      },
    ]);
  });

  test('makes sets of dotted names, and leaves out and names what the archive lacks', () => {
    const { index, missing } = indexOf(archiveOf({ Package: 'aa', Version: '1' }), {
      'set.a': { debs: ['aa'], license: 'MIT' },
      'set.gone': { debs: ['gone'], license: 'MIT' },
      'set.needy': { debs: ['aa'], license: 'MIT', with: ['gone'] },
      old: { renamedTo: 'set.a' },
    });
    expect(missing).toEqual(['set.gone', 'set.needy']);
    expect(index.attributes).toMatchObject([
      { name: 'set', kind: 'set', value: [{ name: 'a', kind: 'package' }] },
      { name: 'old', kind: 'renamed', value: { from: 'old', to: 'set.a' } },
    ]);
  });

  test('gives a locale to packages with the C library, and to no others', () => {
    const archive = archiveOf(
      { Package: 'libc', Version: '1' },
      { Package: 'locales', Version: '1', Depends: 'libc' },
      { Package: 'program', Version: '1', Depends: 'library' },
      { Package: 'library', Version: '1', Depends: 'libc' },
      { Package: 'static', Version: '1' },
    );
    const { index } = indexOf(archive, {
      program: { debs: ['program'], license: 'MIT', links: { a: 'b' } },
      static: { debs: ['static'], license: 'MIT' },
    });
    expect(index.attributes).toMatchObject([
      {
        value: {
          closure: ['program', 'library', 'libc'],
          locale: 'locales',
          links: { a: 'b', 'usr/locale': 'usr/locale' },
        },
      },
      { value: { closure: ['static'], locale: '', links: {} } },
    ]);
  });

  test('makes one unit of packages that need each other, with the files of all', () => {
    const archive = archiveOf(
      { Package: 'aa', Version: '2:1-1', Depends: 'bb' },
      { Package: 'bb', Version: '3', Depends: 'aa, cc' },
      { Package: 'cc', Version: '4' },
    );
    const { index } = indexOf(archive, { b: { debs: ['bb'], license: 'MIT' } });
    expect(index.units).toMatchObject({
      aa: { version: '1-1', debs: [{ name: 'aa' }, { name: 'bb' }], depends: ['cc'] },
      cc: { version: '4', debs: [{ name: 'cc' }], depends: [] },
    });
    expect(index.attributes).toMatchObject([
      { value: { debs: [{ name: 'bb', unit: 'aa' }], closure: ['aa', 'cc'] } },
    ]);
  });
});
