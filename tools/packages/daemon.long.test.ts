import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { allAttributes } from './testing/attributes.ts';
import { startNixDaemon } from './testing/daemon.ts';
import type { NixDaemon } from './testing/daemon.ts';
import { build, nix, preparedSet } from './testing/nix.ts';

describe.skipIf(getuid?.() !== 0)('the whole set, built by the build users of a Nix daemon', () => {
  let set: string;
  let daemon: NixDaemon;
  let built: readonly string[];

  beforeAll(async () => {
    set = await preparedSet();
    daemon = await startNixDaemon();
    const copy = join(daemon.dir, 'set');
    await cp(set, copy, { recursive: true });
    const expression = `with import ${copy} { system = "x86_64-linux"; }; [ ${allAttributes.join(' ')} ]`;
    built = linesOf(
      await daemon.nix('nix-build', '--no-out-link', '--quiet', '--expr', expression),
    );
  }, 1_200_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test('is made by one of those users', async () => {
    const expression = `derivation { name = "who"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "id -un >$out" ]; PATH = "/bin:/usr/bin"; }`;
    const [who = ''] = linesOf(
      await daemon.nix('nix-build', '--no-out-link', '--expr', expression),
    );
    expect(await readFile(join(daemon.dir, who), 'utf8')).toMatch(/^nixbld\d+$/m);
  });

  test('has the store paths, with the contents, that it has without a daemon', async () => {
    const alone = await build(set, allAttributes, { system: 'x86_64-linux' });
    expect(built).toEqual(alone);
    const found = await hashesOf(built, daemon.nix);
    expect(found.size).toBeGreaterThan(500);
    expect(found).toEqual(await hashesOf(alone, nix));
  });

  test('keeps them when root has it built again in the sandbox', async () => {
    const derivations = linesOf(await daemon.nix('nix-store', '--query', '--deriver', ...built));
    const all = linesOf(await daemon.nix('nix-store', '--query', '--requisites', ...derivations));
    const units = all.filter((path) => path.endsWith('.drv') && !path.endsWith('.deb.drv'));
    const options = ['--option', 'sandbox', 'true', '--check', '--quiet'];
    await expect(
      daemon.nixAsRoot('nix-store', '--realise', ...options, ...units),
    ).resolves.toContain('/nix/store/');
  }, 1_200_000);

  test('is as it was registered', async () => {
    await expect(daemon.nixAsRoot('nix-store', '--verify', '--check-contents')).resolves.toBe('');
  });
});

type Nix = (program: string, ...args: readonly string[]) => Promise<string>;

/** Of the closure of `paths`, each with the hash of its contents. */
async function hashesOf(paths: readonly string[], run: Nix): Promise<ReadonlyMap<string, string>> {
  const closure = linesOf(await run('nix-store', '--query', '--requisites', ...paths)).toSorted();
  const hashes = linesOf(await run('nix-store', '--query', '--hash', ...closure));
  return new Map(closure.map((path, index) => [path, hashes[index] ?? '']));
}

function linesOf(text: string): readonly string[] {
  return text.trim().split('\n');
}
