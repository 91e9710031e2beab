import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { IndexReader } from './index-reader.ts';
import { IndexWriter } from './index-writer.ts';
import { parseQuery } from './query.ts';

/** Attribute, description, and what it is run by where that is called otherwise: as in nixpkgs. */
const PACKAGES: readonly (readonly [attribute: string, description: string, program?: string])[] = [
  ['curl', 'Command line tool for transferring files with URL syntax'],
  ['git', 'Distributed version control system'],
  ['git-lfs', 'Git extension for versioning large files'],
  ['gitea', 'Git with a cup of tea'],
  ['gitui', 'Blazing fast terminal-ui for Git'],
  ['htop', 'Interactive process viewer'],
  ['htop-vim', 'Interactive process viewer, with vim keybindings'],
  ['jq', 'Lightweight and flexible command-line JSON processor'],
  ['nginx', 'Reverse proxy and lightweight webserver'],
  ['apacheHttpd', 'Apache HTTPD, the world’s most popular web server', 'httpd'],
  ['nodejs', 'Event-driven I/O framework for the V8 JavaScript engine', 'node'],
  ['nodehun', 'Spell checker for node'],
  ['perlPackages.JSON', 'JSON (JavaScript Object Notation) encoder/decoder'],
  ['perlPackages.JSONXS', 'JSON serialising/deserialising, done correctly and fast'],
  ['postgresql', 'Powerful, open source object-relational database system', 'psql'],
  ['postgresqlPackages.postgis', 'Geographic objects for PostgreSQL'],
  ['pgcli', 'Command-line interface for PostgreSQL, written in python'],
  ['python3', 'High-level dynamically-typed programming language', 'python3'],
  ['python3Packages.requests', `HTTP library for Python ${'with a long description '.repeat(8)}`],
  ['python3Packages.requests-mock', 'Mock out responses'],
  ['python3Packages.requests-oauthlib', 'OAuthlib for requests'],
  ['python3Packages.pyrequests', 'python requests'],
  ['ripgrep', 'Utility that combines the usability of The Silver Searcher with raw speed', 'rg'],
];

let dir: string;
let reader: IndexReader;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-ranking-'));
  const file = join(dir, 'index.sqlite');
  const limits = { attributes: 1_000, bytes: 1024 ** 3 };
  const writer = new IndexWriter(file, { commit: null, limits, closed: [] });
  const paths = PACKAGES.map(([attribute]) => attribute.split('.'));
  writer.add(
    { ids: [], paths },
    PACKAGES.map(([attribute, description, mainProgram = '']) => ({
      status: 'package',
      name: attribute.split('.').at(-1) ?? '',
      version: '1',
      description,
      licences: [],
      mainProgram,
      reason: null,
    })),
    1,
  );
  writer.close();
  reader = new IndexReader(file);
});
afterAll(async () => {
  reader.close();
  await rm(dir, { recursive: true });
});

function search(text: string, limit = 20): readonly string[] {
  return reader.search(parseQuery(text), limit).packages.map(({ attribute }) => attribute);
}

describe('a search', () => {
  it.each([
    ['git', 'git', 'the attribute'],
    ['htop', 'htop', 'the attribute'],
    ['requests', 'python3Packages.requests', 'the last part of the attribute'],
    ['python3packages.requests', 'python3Packages.requests', 'the whole attribute'],
    ['rg', 'ripgrep', 'the program'],
    ['node', 'nodejs', 'the program, before what begins so'],
    ['psql', 'postgresql', 'the program'],
    ['postgres', 'postgresql', 'the beginning, the shortest first'],
    ['node js', 'nodejs', 'the words together'],
    ['rip grep', 'ripgrep', 'the words together'],
    ['git lfs', 'git-lfs', 'the words with a hyphen'],
    ['python requests', 'python3Packages.requests', 'one of the words just so'],
    ['requests python', 'python3Packages.requests', 'one of the words, in any order'],
    ['requests oauth', 'python3Packages.requests-oauthlib', 'words of the name'],
    ['json processor', 'jq', 'words of the description'],
    ['interactive process', 'htop', 'words of the description'],
    ['web server', 'apacheHttpd', 'words of the description'],
  ])('for %j gives %s first: %s', (text, first) => {
    expect(search(text)[0]).toBe(first);
  });

  it('gives names before descriptions', () => {
    expect(search('json')).toEqual(['perlPackages.JSON', 'perlPackages.JSONXS', 'jq']);
    expect(search('git').slice(0, 4)).toEqual(['git', 'gitea', 'gitui', 'git-lfs']);
  });

  it('gives what has some of the words only where nothing has all, and says so', () => {
    const some = reader.search(parseQuery('http proxy with a cup'), 20);
    expect(some.partial).toBe(true);
    expect(some.packages.map(({ attribute }) => attribute)).toContain('gitea');
    expect(reader.search(parseQuery('json processor'), 20).partial).toBe(false);
    expect(reader.search(parseQuery('nowhere nothing'), 20)).toEqual({
      packages: [],
      partial: false,
    });
    expect(reader.search(parseQuery('nowhere'), 20)).toEqual({ packages: [], partial: false });
  });

  it('gives nothing twice, and no more than it may', () => {
    for (const text of ['git', 'python requests', 'http proxy with a cup', 'p']) {
      const all = search(text, 100);
      expect(new Set(all).size, text).toBe(all.length);
      expect(search(text, 2), text).toEqual(all.slice(0, 2));
      expect(search(text, 0), text).toEqual([]);
    }
  });
});
