import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { offlinePackages, oneAtATime, serverDefaults } from './start.mjs';

test('an empty environment gets a local server with the offline packages', () => {
  expect(serverDefaults({}, { hasApt: true })).toMatchObject({
    NIXERY_HOST: '127.0.0.1',
    PORT: '8080',
    NIXERY_STORAGE_BACKEND: 'filesystem',
    NIXERY_PKGS_PATH: offlinePackages,
  });
});

test('without apt the packages come from a channel', () => {
  const defaults = serverDefaults({}, { hasApt: false });
  expect(defaults).toMatchObject({ NIXERY_CHANNEL: 'nixos-unstable' });
  expect(defaults).not.toHaveProperty('NIXERY_PKGS_PATH');
});

test.each(['NIXERY_CHANNEL', 'NIXERY_PKGS_REPO', 'NIXERY_PKGS_PATH'])(
  'a source chosen with %s gets no other beside it',
  (name) => {
    const defaults = serverDefaults({ [name]: 'x' }, { hasApt: true });
    expect(Object.keys(defaults).filter((key) => /CHANNEL|PKGS/.test(key))).toEqual([]);
  },
);

test('what the environment sets has no default, and an empty value sets nothing', () => {
  const defaults = serverDefaults({ PORT: '9000', STORAGE_PATH: '' }, { hasApt: true });
  expect(defaults).not.toHaveProperty('PORT');
  expect(defaults).toHaveProperty('STORAGE_PATH');
});

test('what several do at once in one folder is done one after the other', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'nixery-start-'));
  try {
    const file = path.join(folder, 'file');
    // Closes what it has inherited, as TypeScript's compiler does.
    const closing = 'for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done';
    const script = 'for n in 1 2 3 4 5 6 7 8 9; do echo "$0" >>"$1"; sleep 0.01; done';
    const names = ['a', 'b', 'c'];
    await Promise.all(
      names.map(async (name) => {
        const command = ['sh', '-c', `${closing}; ${script}`, name, file];
        const [program = '', ...args] = oneAtATime(path.join(folder, 'lock'), command, process.env);
        await promisify(execFile)(program, args);
      }),
    );
    const runs = readFileSync(file, 'utf8')
      .replaceAll('\n', '')
      .match(/(.)\1*/g);
    expect(runs?.toSorted()).toEqual(names.map((name) => name.repeat(9)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
