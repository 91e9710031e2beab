import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { ManifestRecord } from '@nixery/cache';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { parseImageName } from './image-name.ts';
import { type CountedNix, createCountedNix } from './testing/counted-nix.ts';
import { folderState } from './source/folder-state.ts';
import { createHarness, type Harness } from './testing/harness.ts';
import { nixEnvironment } from './testing/nix-environment.ts';
import { createPackageRepository, type PackageRepository } from './testing/package-repository.ts';

/** A folder is known when it has not changed for 2.5 s; what is dropped while the actor cannot be asked stays. */
const WAIT = { timeout: 60_000, interval: 100 };

let dir: string;
let repository: PackageRepository;
let commit: string;
let nix: CountedNix;
let server: Harness;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-combinations-'));
  repository = await createPackageRepository(join(dir, 'upstream'));
  commit = await repository.commit(randomUUID());
  nix = await createCountedNix(join(dir, 'bin'));
  server = await createHarness({
    source: { kind: 'git', url: repository.url },
    env: { ...nixEnvironment(), PATH: nix.path },
  });
});
afterEach(async () => {
  await server.stop();
  await server.remove();
  await rm(dir, { recursive: true });
});

async function pull(name: string, tag = commit): Promise<ManifestRecord> {
  return await server.builder.image(parseImageName(name, tag));
}

/** The store path of a package that an image holds. */
async function storePath(record: ManifestRecord, name: string): Promise<string> {
  for (const layer of record.layers) {
    const paths = (await server.cache.findLayer(layer))?.record.paths ?? [];
    const found = paths.find(({ path }) => path.endsWith(`-${name}-1.0`));
    if (found !== undefined) return found.path;
  }
  throw new Error(`no ${name} in the image`);
}

function rootsDir(): string {
  return join(server.dir, 'state', 'roots');
}

async function nixStore(...args: readonly string[]): Promise<string> {
  // Deleting tells of much that is not deleted.
  const options = { env: nixEnvironment(), maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)('nix-store', args, options);
  return stdout.trim();
}

describe('a new combination of packages that are known', () => {
  it('takes no Nix, and is what it would have been with it', async () => {
    await pull('slow0/hello');
    await pull('sharesa');
    const before = await nix.calls();
    const record = await pull('slow0/sharesa');
    expect(await nix.calls()).toEqual(before);

    await server.stop();
    server = await server.restart();
    await vi.waitUntil(() => server.cache.dropManifest({ digest: record.config }), WAIT);
    await rm(join(server.dir, 'storage', 'manifests'), { recursive: true });
    expect((await pull('slow0/sharesa')).forms).toEqual(record.forms);
    expect(await nix.calls()).not.toEqual(before);
  });

  it('evaluates only those that are not', async () => {
    await pull('slow0/hello');
    await pull('hello/sharesa/slow0');
    const evaluations = (await nix.calls()).filter((call) => call.startsWith('nix-instantiate'));
    expect(evaluations).toHaveLength(2);
    expect(evaluations[1]).toContain('"names":["sharesa"]');
  });

  it('of another commit, or for another platform, is evaluated', async () => {
    await pull('slow0');
    const old = await storePath(await pull('slow0/hello'), 'slow0');
    const next = await repository.commit(randomUUID());
    expect(await storePath(await pull('slow0/hello', next), 'slow0')).not.toBe(old);
    const evaluations = await nix.evaluations();
    await pull('arm64/slow0/hello');
    expect(await nix.evaluations()).toBeGreaterThan(evaluations);
  });

  it('of a folder that nobody has changed for some seconds takes no Nix, either', async () => {
    await server.stop();
    server = await server.restart({ source: { kind: 'path', path: repository.url } });
    // The repository's history makes it a large folder.
    await rm(join(repository.url, '.git'), { recursive: true });
    await vi.waitUntil(async () => (await folderState(repository.url)) !== undefined, WAIT);
    await pull('slow0/hello', 'latest');
    await pull('sharesa', 'latest');
    const before = await nix.calls();
    await pull('slow0/sharesa', 'latest');
    expect(await nix.calls()).toEqual(before);
  });

  it('of a folder is evaluated, since the folder may have changed', async () => {
    await server.stop();
    server = await server.restart({ source: { kind: 'path', path: repository.url } });
    const old = await storePath(await pull('slow0', 'latest'), 'slow0');
    await writeFile(join(repository.url, 'salt'), randomUUID());
    expect(await storePath(await pull('slow0/hello', 'latest'), 'slow0')).not.toBe(old);
  });

  it('has the packages in the same order as ever, so that the same files win', async () => {
    await pull('collidingb');
    const apart = await pull('collidinga/collidingb');
    const collisions = server.events.filter(({ type }) => type === 'collision');
    await server.stop();
    server = await server.restart();
    await vi.waitUntil(() => server.cache.dropManifest({ digest: apart.config }), WAIT);
    for (const layer of apart.layers) {
      await server.cache.dropLayer({ digest: layer });
      await server.store.delete(layer);
    }
    await rm(join(server.dir, 'storage', 'manifests'), { recursive: true });
    expect((await pull('collidinga/collidingb')).forms).toEqual(apart.forms);
    const again = server.events.filter(({ type }) => type === 'collision');
    expect(again.length).toBeGreaterThan(0);
    expect(again.map(facts)).toEqual(collisions.map(facts));
  });
});

function facts(event: object): object {
  return { ...event, build: undefined };
}

describe('what a server has used lately', () => {
  it('is held by a garbage-collector root until the server stops', async () => {
    const output = await storePath(await pull('slow0'), 'slow0');
    expect(await nixStore('--query', '--roots', output)).toContain(rootsDir());
    await server.stop();
    expect(await nixStore('--query', '--roots', output)).not.toContain(rootsDir());
    server = await server.restart();
  });

  it('and the Nix store has lost all the same is built again, from its expression', async () => {
    const output = await storePath(await pull('slow0'), 'slow0');
    const derivation = await nixStore('--query', '--deriver', output);
    await rm(rootsDir(), { recursive: true });
    await nixStore('--delete', output, derivation);
    const record = await pull('slow0/hello');
    expect(await storePath(record, 'slow0')).toBe(output);
    expect(existsSync(output)).toBe(true);
  });
});

describe('a garbage collection', () => {
  it('that takes a derivation before it is realised costs another evaluation, and no request', async () => {
    const collected = join(dir, 'collected');
    const script = [
      '#!/bin/sh',
      `case "$*" in --realise*--log-format*)`,
      `  for word; do case "$word" in *-slow0-*.drv!*)`,
      `    [ -e '${collected}' ] || nix-store --delete "\${word%%!*}" > '${collected}' ;;`,
      `  esac; done ;;`,
      `esac`,
      `PATH='${nix.path}' exec nix-store "$@"`,
    ];
    const bin = join(dir, 'collecting');
    await mkdir(bin);
    await writeFile(join(bin, 'nix-store'), `${script.join('\n')}\n`);
    await chmod(join(bin, 'nix-store'), 0o755);
    await server.stop();
    server = await server.restart({
      source: { kind: 'path', path: repository.url },
      env: { ...nixEnvironment(), PATH: `${bin}:${nix.path}` },
    });
    const record = await pull('slow0', 'latest');
    expect(existsSync(collected)).toBe(true);
    expect(existsSync(await storePath(record, 'slow0'))).toBe(true);
    expect(await nix.evaluations()).toBe(2);
  });
});
