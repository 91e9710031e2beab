import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listsAreFresh } from './debian.mjs';
import { parseGroups, socketState } from './nix-daemon.mjs';
import { findCommand, withAdministratorPath, withoutModulesPath } from './workspace.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'host-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('apt lists', () => {
  test('are fresh only when there are any, and an update has been through lately', () => {
    expect(listsAreFresh(path.join(folder, 'none'))).toBe(false);
    expect(listsAreFresh(folder)).toBe(false);

    mkdirSync(path.join(folder, 'partial'));
    writeFileSync(path.join(folder, 'mirror_InRelease'), '');
    expect(listsAreFresh(folder)).toBe(true);

    const monthAgo = Date.now() / 1000 - 30 * 24 * 3600;
    for (const name of [folder, path.join(folder, 'partial')]) utimesSync(name, monthAgo, monthAgo);
    expect(listsAreFresh(folder)).toBe(false);
  });
});

describe('the Nix daemon', () => {
  test('answers on a socket that listens, and not on one that is missing or abandoned', async () => {
    const socket = path.join(folder, 'socket');
    expect(await socketState(socket)).toBe('silent');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await socketState(socket)).toBe('answers');
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(socket, '');
    expect(await socketState(socket)).toBe('silent');
  });

  test('is reached through a group with members, as /etc/group lists them', () => {
    expect(parseGroups('root:x:0:\nnix-users:x:998:ada,grace\n')).toEqual([
      { name: 'root', gid: 0, members: [] },
      { name: 'nix-users', gid: 998, members: ['ada', 'grace'] },
    ]);
  });
});

describe('PATH', () => {
  test('gains the administrator’s folders once, at its end', () => {
    expect(withAdministratorPath('/bin:/usr/sbin')).toBe('/bin:/usr/sbin:/usr/local/sbin:/sbin');
  });

  test('loses what npm put before it', () => {
    expect(withoutModulesPath('/a/node_modules/.bin:/usr/bin:/x/node_modules/npm/bin')).toBe(
      '/usr/bin',
    );
  });

  test('finds no folder that has a command’s name', () => {
    mkdirSync(path.join(folder, 'a-command-of-this-test'));
    expect(findCommand('a-command-of-this-test', folder)).toBeUndefined();
  });
});
