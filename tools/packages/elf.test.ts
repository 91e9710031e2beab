import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';

import { beforeAll, describe, expect, test } from 'vitest';

import { allAttributes, firstAttributes } from './testing/attributes.ts';
import { readElf } from './testing/elf.ts';
import type { ElfFile } from './testing/elf.ts';
import { build, closureOf, nix, preparedSet } from './testing/nix.ts';

let set: string;
/** The whole set takes minutes to build. */
const attributes = env['NIXERY_TEST_LONG'] === undefined ? firstAttributes : allAttributes;

beforeAll(async () => {
  set = await preparedSet();
}, 120_000);

describe.each([
  { system: 'x86_64-linux', machine: 'x86_64', loader: 'ld-linux-x86-64.so.2' },
  { system: 'aarch64-linux', machine: 'aarch64', loader: 'ld-linux-aarch64.so.1' },
])('the programs and libraries for $system', ({ system, machine, loader }) => {
  let closure: readonly string[];
  let files: readonly (ElfFile & { readonly path: string })[];

  beforeAll(async () => {
    closure = await closureOf(await build(set, attributes, { system }));
    files = (await Promise.all(closure.map(elfFilesIn))).flat();
  }, 240_000);

  test('are many, and all for that processor', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(files.filter((file) => file.machine !== machine).map(({ path }) => path)).toEqual([]);
  });

  test('are started by a loader of their own closure', () => {
    const loaders = new Set(
      files.map(({ interpreter }) => interpreter).filter((path) => path !== undefined),
    );
    expect([...loaders]).toHaveLength(1);
    const [path = ''] = loaders;
    expect(path.endsWith(`/${loader}`)).toBe(true);
    expect(closure.some((root) => path.startsWith(`${root}/`))).toBe(true);
  });

  test('look for libraries in their own closure only', () => {
    const foreign = files.flatMap(({ path, runPath }) =>
      runPath
        .filter((directory) => !closure.some((root) => directory.startsWith(`${root}/`)))
        .map((directory) => `${path}: ${directory}`),
    );
    expect(foreign).toEqual([]);
  });

  test('find every library that they need', async () => {
    const names = new Map<string, ReadonlySet<string>>();
    for (const directory of new Set(files.flatMap(({ runPath }) => runPath))) {
      names.set(directory, new Set(await readdir(directory)));
    }
    const lost = files.flatMap(({ path, needed, runPath }) =>
      needed
        .filter(
          (library) =>
            library !== loader && !runPath.some((directory) => names.get(directory)?.has(library)),
        )
        .map((library) => `${path}: ${library}`),
    );
    expect(lost).toEqual([]);
  });

  test('are unchanged since they were built', async () => {
    await expect(nix('nix-store', '--verify-path', ...closure)).resolves.toBe('');
  });
});

async function elfFilesIn(root: string): Promise<readonly (ElfFile & { readonly path: string })[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: (ElfFile & { readonly path: string })[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const elf = entry.isFile() ? readElf(await readFile(path)) : undefined;
    if (elf !== undefined) found.push({ ...elf, path });
  }
  return found;
}
