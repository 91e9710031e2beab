import { describe, expect, test } from 'vitest';

import { parseRelations, readArchive } from './control.ts';

const archiveUrl = 'http://archive.invalid/debian/';

function stanza(name: string, version: string, ...lines: readonly string[]): string {
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    ...lines,
    `Filename: pool/main/${name}_${version}.deb`,
    `SHA256: ${'0'.repeat(64)}`,
  ].join('\n');
}

describe('parseRelations', () => {
  test('leaves out versions, architectures and profiles, and keeps alternatives', () => {
    expect(
      parseRelations('libc6 (>= 2.36), perl:any | perl-base, foo [amd64] <!nocheck>,  g++-12'),
    ).toEqual([['libc6'], ['perl', 'perl-base'], ['foo'], ['g++-12']]);
  });

  test('of nothing is nothing', () => {
    expect(parseRelations('')).toEqual([]);
  });
});

describe('readArchive', () => {
  test('takes the newest version of a package, from whichever file', () => {
    const archive = readArchive([
      { archiveUrl, text: `${stanza('git', '1:2.9-1')}\n\n${stanza('jq', '1.7')}\n` },
      { archiveUrl: 'http://security.invalid/', text: stanza('git', '1:2.10-1') },
    ]);
    expect(archive.find('git')).toMatchObject({
      version: '1:2.10-1',
      url: 'http://security.invalid/pool/main/git_1%3A2.10-1.deb',
    });
    expect(archive.find('jq')?.url).toBe(`${archiveUrl}pool/main/jq_1.7.deb`);
  });

  test('reads dependencies, description and homepage', () => {
    const text = stanza(
      'curl',
      '7.88',
      'Pre-Depends: aa',
      'Depends: bb | cc, dd',
      'Description: transfers data',
      ' at length',
      'Homepage: https://curl.se/',
    );
    expect(readArchive([{ archiveUrl, text }]).find('curl')).toMatchObject({
      depends: [['aa'], ['bb', 'cc'], ['dd']],
      summary: 'transfers data',
      homepage: 'https://curl.se/',
    });
  });

  test('does not take a field for another that ends in its name', () => {
    const text = stanza('x', '1', 'Original-Homepage: https://old.invalid/');
    expect(readArchive([{ archiveUrl, text }]).find('x')?.homepage).toBeUndefined();
  });

  test('knows who provides a virtual package', () => {
    const text = [
      stanza('z', '1', 'Provides: awk'),
      stanza('mawk', '1', 'Provides: awk (= 1), other'),
    ].join('\n\n');
    expect(readArchive([{ archiveUrl, text }]).providers('awk')).toEqual(['mawk', 'z']);
  });

  test('refuses a package without a digest, naming it, once it is wanted', () => {
    const archive = readArchive([
      { archiveUrl, text: 'Package: odd\nVersion: 1\nFilename: odd.deb' },
    ]);
    expect(() => archive.find('odd')).toThrow(expect.objectContaining({ code: 'malformed-lists' }));
  });
});
