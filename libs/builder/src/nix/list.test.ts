import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nixEnvironment, prepareTestPackages } from '../testing/index.ts';
import { listAttributes, type ListedAttribute, type ListResult, type ListTask } from './list.ts';

let dir: string;
let packages: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-list-'));
  packages = await prepareTestPackages(join(dir, 'packages'));
});
afterAll(() => rm(dir, { recursive: true }));

async function setOf(name: string, expression: string): Promise<string> {
  const folder = join(dir, name);
  await mkdir(folder);
  await writeFile(join(folder, 'default.nix'), expression);
  return folder;
}

async function list(
  paths: readonly string[],
  more: Partial<ListTask> = {},
  signal?: AbortSignal,
): Promise<ListResult> {
  const task: ListTask = {
    source: packages,
    system: 'x86_64-linux',
    allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
    paths: paths.map((path) => (path === '' ? [] : path.split('.'))),
    sets: [],
    env: nixEnvironment(),
    deadlineMs: 60_000,
    maxHeap: 1024 ** 3,
    maxOutput: 1024 ** 2,
    ...more,
  };
  return await listAttributes(task, signal);
}

async function entries(
  paths: readonly string[],
  more: Partial<ListTask> = {},
): Promise<readonly ListedAttribute[]> {
  const result = await list(paths, more);
  if (!result.ok) throw new Error(result.message);
  return result.entries;
}

describe('a listing', () => {
  it('names what is in the package set, and in its sets that want to be looked into', async () => {
    const [top, nested] = await entries(['', 'nested']);
    expect(top).toMatchObject({
      status: 'set',
      names: expect.arrayContaining(['hello', 'nested', 'unfree']),
    });
    expect(nested).toMatchObject({ status: 'set', names: expect.arrayContaining(['inner']) });
  });

  it('goes one level deep, and into sets that are asked for', async () => {
    const source = await setOf(
      'sets',
      '{ a = { b = { recurseForDerivations = true; }; }; f = x: x; s = "s"; }',
    );
    const other = { status: 'other' };
    expect(await entries(['a', 'a.b', 'f', 's'], { source })).toEqual([other, other, other, other]);
    expect(await entries(['a', 'a.b'], { source, sets: ['a', 'b'] })).toEqual([
      { status: 'set', names: ['b'] },
      other,
    ]);
  });

  it('describes packages, and says why one is refused', async () => {
    const found = await entries(['hello', 'unfree', 'broken', 'insecure', 'unsupportedPlatform']);
    expect(found[0]).toEqual({
      status: 'package',
      name: 'hello',
      version: '2.12',
      description: 'Says hello',
      licences: ['GPL-3.0-or-later'],
      mainProgram: 'hello',
      reason: null,
    });
    expect(found.slice(1).map((entry) => entry.status === 'package' && entry.reason)).toEqual([
      'unfree',
      'broken',
      'insecure',
      'unsupported-system',
    ]);
  });

  it('finds nothing to refuse in what is allowed', async () => {
    const allow = { unfree: true, broken: true, insecure: true, unsupportedSystem: true };
    for (const entry of await entries(['unfree', 'broken', 'insecure'], { allow })) {
      expect(entry).toMatchObject({ status: 'package', reason: null });
    }
  });

  it('goes on where an attribute or a part of its description throws', async () => {
    const source = await setOf(
      'throwing',
      `{
        gone = throw "removed";
        failing = { type = "derivation"; name = throw "no name"; meta = throw "no meta"; };
        odd = { type = "derivation"; name = "odd-1.2"; meta = { description = 7; license = [ { } "x" ]; mainProgram = null; }; };
        long = { type = "derivation"; pname = "long"; meta.description = builtins.concatStringsSep "" (builtins.genList (_: "long ") 10000); };
        good = { type = "derivation"; name = "good-program-3"; };
      }`,
    );
    const none = { version: '', description: '', licences: [], mainProgram: '', reason: null };
    expect(await entries(['gone', 'failing', 'odd', 'long', 'good'], { source })).toEqual([
      { status: 'throws' },
      { status: 'package', name: '', ...none },
      {
        status: 'package',
        name: 'odd',
        ...none,
        version: '1.2',
        licences: ['unnamed licence', 'x'],
      },
      { status: 'package', name: 'long', ...none },
      { status: 'package', name: 'good-program', ...none, version: '3' },
    ]);
  });

  it('takes names for data, whatever is in them', async () => {
    const source = await setOf('names', `{ "\\\${x}" = { }; "a\\"b" = "<script>"; "ü 😀" = 1; }`);
    const [top] = await entries([''], { source });
    const names = top?.status === 'set' ? top.names : [];
    expect(names).toEqual(expect.arrayContaining(['${x}', 'a"b', 'ü 😀']));
    const each = await entries(['hello'], { source, paths: names.map((name) => [name]) });
    expect(each).toHaveLength(3);
  });

  it('reads nothing but the package set, builds nothing, and sees no environment', async () => {
    const source = await setOf(
      'curious',
      `{
        secret = { type = "derivation"; name = "secret"; version = builtins.getEnv "SECRET_TOKEN"; };
        file = builtins.readFile /etc/hostname;
        built = import (derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; });
      }`,
    );
    const env = { ...nixEnvironment(), SECRET_TOKEN: 'hunter2' };
    expect(await entries(['secret'], { source, env })).toMatchObject([{ version: '' }]);
    for (const path of ['file', 'built']) {
      expect(await list([path], { source })).toMatchObject({ ok: false, reason: 'failed' });
    }
  });

  it('fails where Nix gives up, takes too long, or wants or says too much', async () => {
    const source = await setOf(
      'greedy',
      `rec {
        aborts = abort "enough";
        endless = endless;
        slow = let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in fib 60;
        big = builtins.deepSeq (builtins.genList (x: builtins.genList (y: x + y) 1000) 100000) 1;
        talks = builtins.listToAttrs (builtins.genList (n: { name = "name\${toString n}"; value = 1; }) 10000) // { recurseForDerivations = true; };
      }`,
    );
    const attempts: readonly (readonly [string, Partial<ListTask>, RegExp])[] = [
      ['aborts', {}, /enough/],
      ['endless', {}, /infinite recursion/],
      ['slow', { deadlineMs: 1_500 }, /too long/],
      ['big', { maxHeap: 64 * 1024 ** 2 }, /./],
      ['talks', { maxOutput: 10_000 }, /too much/],
    ];
    for (const [path, bounds, message] of attempts) {
      const result = await list([path], { source, ...bounds });
      expect(result, path).toMatchObject({ ok: false, reason: 'failed' });
      expect(result.ok ? '' : result.message, path).toMatch(message);
    }
  });

  it('ends when it is told to', async () => {
    const source = await setOf(
      'waits',
      '{ a = let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in fib 60; }',
    );
    const abort = new AbortController();
    const listed = list(['a'], { source }, abort.signal);
    abort.abort();
    expect(await listed).toMatchObject({ ok: false, reason: 'aborted' });
  });

  it('writes nothing into the Nix store', async () => {
    const source = await setOf(
      'writes',
      `{ a = { type = "derivation"; name = builtins.unsafeDiscardStringContext (derivation { name = "nixery-list-writes"; system = "x"; builder = "/x"; }).drvPath; }; }`,
    );
    const [entry] = await entries(['a'], { source });
    const name = entry?.status === 'package' ? entry.name : '';
    expect(name).toContain('nixery-list-writes');
    const store = await readdir('/nix/store');
    expect(store.some((path) => path.includes('nixery-list-writes'))).toBe(false);
  });
});
