import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fetchEnvironment, refreshEnvironment } from '../process/environment.ts';
import { parseImageName } from '../image-name.ts';
import { createHarness } from '../testing/harness.ts';
import { Refresher } from './refresher.ts';

const { signal } = new AbortController();
const env = fetchEnvironment(process.env);

let dir: string;
let program: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-refresher-'));
  program = join(dir, 'program');
});
afterEach(() => rm(dir, { recursive: true }));

async function writeProgram(script: string): Promise<void> {
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
}

describe('a refresher', () => {
  it('runs its program once for all who ask, and not again for ten minutes', async () => {
    await writeProgram(`echo run >> ${dir}/runs`);
    let now = 0;
    const refresher = new Refresher({ program, env, now: () => now });
    const [first, second] = [refresher.refresh(signal, 0), refresher.refresh(signal, 0)];
    expect(await Promise.all([first, second])).toEqual([true, true]);
    now = 599_999;
    expect(await refresher.refresh(signal, 1)).toBe(false);
    expect(await readFile(join(dir, 'runs'), 'utf8')).toBe('run\n');
    now = 600_000;
    expect(await refresher.refresh(signal, 1)).toBe(true);
  });

  it('helps whatever was begun before its program ended', async () => {
    await writeProgram(`echo run >> ${dir}/runs`);
    let now = 0;
    const refresher = new Refresher({ program, env, now: () => now++ });
    expect(await refresher.refresh(signal, 0)).toBe(true);
    expect(await refresher.refresh(signal, 0)).toBe(true);
    expect(await refresher.refresh(signal, now)).toBe(false);
    expect(await readFile(join(dir, 'runs'), 'utf8')).toBe('run\n');
  });

  it('is of no use where its program fails, or is not there, and tries that again after a minute', async () => {
    let now = 0;
    const refresher = new Refresher({ program, env, now: () => now });
    expect(await refresher.refresh(signal, 0)).toBe(false);
    await writeProgram('exit 1');
    now = 60_000;
    expect(await refresher.refresh(signal, now)).toBe(false);
    await writeProgram('exit 0');
    now = 119_999;
    expect(await refresher.refresh(signal, now)).toBe(false);
    now = 120_000;
    expect(await refresher.refresh(signal, now)).toBe(true);
  });
});

it('its program is told the folder, how to reach the network, and which archives apt asks, and nothing else', async () => {
  await writeProgram(`env >${dir}/environment`);
  const given = { https_proxy: 'http://proxy', APT_CONFIG: '/etc/apt.conf' };
  const others = { NIXERY_AUTH_FILE: '/secret', AWS_BUCKET: 'x' };
  const env = refreshEnvironment({ PATH: process.env['PATH'], ...given, ...others }, '/packages');
  expect(await new Refresher({ program, env }).refresh(signal, 0)).toBe(true);
  const lines = (await readFile(join(dir, 'environment'), 'utf8')).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'NIXERY_PKGS_PATH=/packages',
      'https_proxy=http://proxy',
      'APT_CONFIG=/etc/apt.conf',
    ]),
  );
  expect(lines.join('\n')).not.toMatch(/secret|BUCKET/);
});

describe('a package that no longer builds from the set as it is', () => {
  it.each([
    ['fails', 'failing'],
    ['fetches something else than it names', 'otherBytes'],
  ])('since it %s, is built once the set is refreshed, in the same request', async (_, before) => {
    const packages = await createHarness();
    const set = join(packages.dir, 'packages');
    await rename(join(set, 'default.nix'), join(set, 'set.nix'));
    await writeFile(
      join(set, 'default.nix'),
      `{ ... }@args: let set = import ./set.nix args; in set // { expired = if builtins.pathExists ./fresh then set.hello else set.${before}; }`,
    );
    await writeProgram('exec touch "$NIXERY_PKGS_PATH/fresh"');
    await packages.stop();
    const harness = await packages.restart({
      source: { kind: 'path', path: set, refresh: program },
    });
    const record = await harness.builder.image(parseImageName('expired', 'latest'));
    expect(record.forms.oci?.digest).toMatch(/^sha256:/);
    await harness.stop();
    await harness.remove();
  });
});
