import { env } from 'node:process';

import { beforeAll, describe, expect, test } from 'vitest';

import { allAttributes, firstAttributes } from './testing/attributes.ts';
import { elfFilesIn, lostLibraries, outsideOf } from './testing/elf-files.ts';
import type { FoundElf } from './testing/elf-files.ts';
import { build, closureOf, nix, preparedSet } from './testing/nix.ts';

let set: string;
/** The whole set takes minutes to build. */
const attributes = env['NIXERY_TEST_LONG'] === undefined ? firstAttributes : allAttributes;

/** A plug-in of `tc` for ATM networks, whose library Debian's iproute2 only recommends; nixpkgs' has no such plug-in. */
const recommended = /\/tc\/q_atm\.so: libatm\.so\.1$/;

beforeAll(async () => {
  set = await preparedSet();
});

describe.each([
  { system: 'x86_64-linux', machine: 'x86_64', loader: 'ld-linux-x86-64.so.2' },
  { system: 'aarch64-linux', machine: 'aarch64', loader: 'ld-linux-aarch64.so.1' },
])('the programs and libraries for $system', ({ system, machine, loader }) => {
  let closure: readonly string[];
  let files: readonly FoundElf[];

  beforeAll(async () => {
    closure = await closureOf(await build(set, attributes, { system }));
    files = (await Promise.all(closure.map(elfFilesIn))).flat();
  });

  test('are many, and all for that processor', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(files.filter((file) => file.machine !== machine).map(({ path }) => path)).toEqual([]);
  });

  test('are started by one loader', () => {
    const loaders = new Set(
      files.map(({ interpreter }) => interpreter).filter((path) => path !== undefined),
    );
    expect([...loaders]).toEqual([expect.stringMatching(new RegExp(`/${loader}$`))]);
  });

  test('look for it and for libraries in their own closure only', () => {
    expect(outsideOf(closure, files)).toEqual([]);
  });

  test('find every library that they need', async () => {
    const lost = await lostLibraries(files);
    expect(lost.filter((line) => !recommended.test(line))).toEqual([]);
  });

  test('are unchanged since they were built', async () => {
    await expect(nix('nix-store', '--verify-path', ...closure)).resolves.toBe('');
  });
});
