import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configFiles, sets, singleUserNixConfig } from './nix-config.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'nix-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const noGroups: ReadonlySet<string> = new Set();

/** An environment whose Nix reads nothing of this machine. */
function bareEnv(): NodeJS.ProcessEnv {
  return { NIX_CONF_DIR: folder, NIX_USER_CONF_FILES: '' };
}

test('a bare host without build users gets an empty build-users-group', () => {
  const host = { env: bareEnv(), home: folder, groups: noGroups };
  expect(singleUserNixConfig(host)).toBe('build-users-group =');
});

test('a NIX_CONFIG that says nothing about it keeps what it says', () => {
  const env = { ...bareEnv(), NIX_CONFIG: 'sandbox = false' };
  expect(singleUserNixConfig({ env, home: folder, groups: noGroups })).toBe(
    'sandbox = false\nbuild-users-group =',
  );
});

test('nothing is added where the group exists', () => {
  const host = { env: bareEnv(), home: folder, groups: new Set(['nixbld']) };
  expect(singleUserNixConfig(host)).toBeUndefined();
});

test('NIX_CONFIG is not overridden', () => {
  const env = { ...bareEnv(), NIX_CONFIG: 'build-users-group = builders' };
  expect(singleUserNixConfig({ env, home: folder, groups: noGroups })).toBeUndefined();
});

test.each(['nix.conf', 'user.conf'])('%s is not overridden', (name) => {
  writeFileSync(path.join(folder, name), 'sandbox = true\nbuild-users-group = builders\n');
  const env = { NIX_CONF_DIR: folder, NIX_USER_CONF_FILES: path.join(folder, 'user.conf') };
  expect(singleUserNixConfig({ env, home: folder, groups: noGroups })).toBeUndefined();
});

test('an included file is not overridden', () => {
  writeFileSync(path.join(folder, 'nix.conf'), '!include missing.conf\ninclude users.conf\n');
  writeFileSync(path.join(folder, 'users.conf'), 'build-users-group =\n');
  expect(singleUserNixConfig({ env: bareEnv(), home: folder, groups: noGroups })).toBeUndefined();
});

test.each([
  { text: '# build-users-group = x', expected: false },
  { text: 'extra-build-users-group = x', expected: false },
  { text: '  build-users-group =', expected: true },
  { text: 'sandbox = true # build-users-group = x', expected: false },
])('"$text" sets it: $expected', ({ text, expected }) => {
  expect(sets(text, 'build-users-group', folder)).toBe(expected);
});

test('the user’s files are those of the XDG folders unless they are named', () => {
  expect(configFiles({ XDG_CONFIG_DIRS: '/a:/b' }, '/home/u')).toEqual([
    '/etc/nix/nix.conf',
    '/home/u/.config/nix/nix.conf',
    '/a/nix/nix.conf',
    '/b/nix/nix.conf',
  ]);
  expect(configFiles({ NIX_USER_CONF_FILES: '/x:/y' }, '/home/u')).toEqual([
    '/etc/nix/nix.conf',
    '/x',
    '/y',
  ]);
});
