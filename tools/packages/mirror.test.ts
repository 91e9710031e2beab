import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { listsDirectory } from './apt.ts';
import { sha256Of } from './deb.ts';
import { prepareOfflinePackages } from './prepare.ts';
import { startMirror } from './testing/mirror.ts';
import type { Mirror } from './testing/mirror.ts';

const program = fileURLToPath(new URL('prepare.ts', import.meta.url));

let mirror: Mirror;
let folder: string;
let dir: string;
let lines: string[];

beforeAll(async () => {
  mirror = await startMirror();
});

afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offline-mirrored-'));
  dir = join(folder, 'set');
  lines = [];
  mirror.damage({});
  mirror.become('up');
  return async () => await rm(folder, { recursive: true, force: true });
});

function note(line: string): void {
  lines.push(line);
}

async function prepare({ refresh = false } = {}): Promise<boolean> {
  const { environment } = mirror;
  return (await prepareOfflinePackages({ dir, log: note, environment, refresh })).changed;
}

/** The downloads that are kept. */
async function kept(): Promise<readonly string[]> {
  const names = await readdir(`${dir}.apt`);
  return names.filter((name) => name.endsWith('.deb')).map((name) => join(`${dir}.apt`, name));
}

/** What is in `folder` and its folders. */
async function files(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    const inside: readonly string[] = await readdir(join(folder, name)).catch(() => []);
    found.push(name, ...inside.map((each) => `${name}/${each}`));
  }
  return found;
}

async function changeLists(): Promise<void> {
  await writeFile(join(await listsDirectory(mirror.environment), 'example'), `${Math.random()}`);
}

test('a package that the mirror serves damaged keeps the set from being made until it is whole again', async () => {
  mirror.damage({ 'busybox-static': 'page' });
  await expect(prepare()).rejects.toMatchObject({
    code: 'download-failed',
    message: expect.stringMatching(/^busybox-static \S+ cannot be fetched.*apt-get update/),
  });
  expect(await readdir(folder)).toEqual(['set.apt']);
  expect(await kept()).toEqual([]);
  mirror.damage({});
  expect(await prepare()).toBe(true);
});

test('a download that is kept, but only half of it, is fetched again', async () => {
  await prepare();
  const before = await readFile(join(dir, 'default.nix'), 'utf8');
  const [file = ''] = await kept();
  const digest = await sha256Of(file);
  await truncate(file, 4096);
  await rm(dir, { recursive: true });
  expect(await prepare()).toBe(true);
  expect(await sha256Of(file)).toBe(digest);
  expect(await readFile(join(dir, 'default.nix'), 'utf8')).toBe(before);
});

describe('a preparation that is killed', () => {
  test.each([
    {
      when: 'while it asks the archives',
      sign: /^set\.apt\/arm64\.\w{6}$/,
      halt: () => mirror.become('silent'),
    },
    {
      when: 'while it writes the index',
      sign: /^set\.new\.\w{6}$/,
      halt: () => mirror.damage({ 'busybox-static': 'silence' }),
    },
  ])('$when leaves nothing behind once the set is made', async ({ sign, halt }) => {
    halt();
    const child = spawn(process.execPath, [program, dir], {
      env: mirror.environment,
      stdio: 'ignore',
    });
    await expect
      .poll(async () => (await files()).some((name) => sign.test(name)), { timeout: 240_000 })
      .toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    mirror.damage({});
    mirror.become('up');
    expect(await files()).toContainEqual(expect.stringMatching(sign));
    expect(await prepare()).toBe(true);
    expect((await files()).toSorted()).toEqual([
      'set',
      'set.apt',
      expect.stringMatching(/^set\.apt\/[\da-f]{64}\.deb$/),
      'set.apt/arm64',
      'set.apt/lock',
      'set.apt/stamp.json',
      'set/default.nix',
      expect.stringMatching(/^set\/g[\da-f]{16}$/),
    ]);
  });
});

test('a mirror that is down leaves the set as it is, and is an error only to whoever needs fresh lists', async () => {
  await prepare();
  const { mtimeMs } = await stat(join(dir, 'default.nix'));
  for (const file of await kept()) await rm(file);
  await changeLists();
  mirror.become('down');
  expect(await prepare()).toBe(false);
  expect(lines.at(-1)).toContain('the package set of before serves on');
  expect((await stat(join(dir, 'default.nix'))).mtimeMs).toBe(mtimeMs);
  await expect(prepare({ refresh: true })).rejects.toMatchObject({ code: 'apt-failed' });
  mirror.become('up');
  expect(await prepare({ refresh: true })).toBe(true);
});

test('two that prepare one set wait for each other, and say so', async () => {
  expect((await Promise.all([prepare(), prepare()])).toSorted()).toEqual([false, true]);
  expect(lines).toContain('The offline package set is being made: waiting for it.');
});
