import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ManifestRecord } from '@nixery/cache';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { CreateBuilderOptions } from './create.ts';
import { parseImageName } from './image-name.ts';
import { createHarness, type Harness } from './testing/harness.ts';
import { type CountedNix, createCountedNix } from './testing/counted-nix.ts';
import { nixEnvironment } from './testing/nix-environment.ts';
import { createPackageRepository, type PackageRepository } from './testing/package-repository.ts';

// Several servers and builds each, on a machine that may be busy.

let dir: string;
let repository: PackageRepository;
let commit: string;
let nix: CountedNix;
let servers: Harness[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-second-'));
  repository = await createPackageRepository(join(dir, 'upstream'));
  commit = await repository.commit(randomUUID());
  nix = await createCountedNix(join(dir, 'bin'));
  servers = [];
});
afterEach(async () => {
  for (const server of servers) {
    await server.stop();
    await server.remove();
  }
  await rm(dir, { recursive: true });
});

/** Another server on the same storage. */
async function start(options: Partial<CreateBuilderOptions> = {}): Promise<Harness> {
  const server = await createHarness(
    {
      source: { kind: 'git', url: repository.url },
      env: { ...nixEnvironment(), PATH: nix.path },
      ...options,
    },
    '',
    { storageDir: join(dir, 'storage') },
  );
  servers.push(server);
  return server;
}

async function pull(server: Harness, name: string, tag = commit): Promise<ManifestRecord> {
  return await server.builder.image(parseImageName(name, tag));
}

function layersOf(server: Harness) {
  const [done] = server.events.filter((event) => event.type === 'done').slice(-1);
  return done?.build.layers;
}

/** A `PATH` without Nix. */
async function gitOnly(): Promise<string> {
  const bin = join(dir, 'git-only');
  await mkdir(bin);
  for (const program of ['git', 'setpriv']) {
    await symlink(join('/usr/bin', program), join(bin, program));
  }
  return bin;
}

describe('a second server on the same storage', () => {
  it('answers an image of a known commit without Nix', async () => {
    const first = await pull(await start(), 'slow0/sharesa');
    const second = await start({ env: { PATH: await gitOnly(), HOME: dir } });
    const record = await pull(second, 'sharesa/slow0');
    expect(record.forms).toEqual(first.forms);
    // It knows the image from now on.
    await rm(join(dir, 'storage', 'manifests'), { recursive: true });
    expect((await pull(second, 'sharesa/slow0')).forms).toEqual(first.forms);
    expect(second.events.filter(({ type }) => type === 'started')).toHaveLength(1);
  });

  it('packs only the layers that a related image does not have', async () => {
    const first = await pull(await start(), 'slow0/sharesa');
    const second = await start();
    const record = await pull(second, 'slow0/sharesb');
    const fresh = record.layers.filter((digest) => !first.layers.includes(digest));
    expect(fresh.length).toBeGreaterThan(0);
    expect(fresh.length).toBeLessThan(record.layers.length);
    expect(layersOf(second)).toEqual({
      known: record.layers.length - fresh.length,
      packed: fresh.length,
      shared: 0,
    });
  });

  it('started at the same moment on the same images gets the same digests', async () => {
    const pair = [await start(), await start()];
    const names = ['slow0/sharesa', 'slow0/sharesb', 'hello'];
    const answers = await Promise.all(
      pair.map((server) => Promise.all(names.map((name) => pull(server, name)))),
    );
    expect(answers[0]?.map(({ forms }) => forms)).toEqual(answers[1]?.map(({ forms }) => forms));
    expect(await readdir(join(dir, 'storage', 'manifests'))).toHaveLength(names.length);
  });

  it('does not take a record whose blobs are gone', async () => {
    const first = await pull(await start(), 'slow0');
    for (const digest of first.layers) await servers[0]?.store.delete(digest);
    const second = await start();
    expect((await pull(second, 'slow0')).forms).toEqual(first.forms);
    expect(layersOf(second)).toMatchObject({ packed: first.layers.length });
    for (const digest of first.layers) {
      expect(await second.store.stat(digest)).toMatchObject({ exists: true });
    }
  });

  it('does not take what is no record, or of another commit, and replaces it', async () => {
    const first = await pull(await start(), 'slow0');
    const manifests = join(dir, 'storage', 'manifests');
    const builds = join(dir, 'storage', 'builds');
    const [name = ''] = await readdir(manifests);
    const written = await readFile(join(manifests, name), 'utf8');
    await writeFile(join(manifests, name), '{"forms": {}}');
    for (const layer of await readdir(builds)) await writeFile(join(builds, layer), 'not JSON');

    const second = await start();
    expect((await pull(second, 'slow0')).forms).toEqual(first.forms);
    expect(second.events.some(({ type }) => type === 'second-level')).toBe(true);
    expect(JSON.parse(await readFile(join(manifests, name), 'utf8'))).toMatchObject({
      forms: first.forms,
    });
    for (const layer of await readdir(builds)) {
      expect(await readFile(join(builds, layer), 'utf8')).toMatch(/^\{"digest"/);
    }

    await writeFile(join(manifests, name), written.replace(commit, '0'.repeat(40)));
    const third = await start();
    expect((await pull(third, 'slow0')).revision).toBe(commit);
  });

  it('adopts what another has written first, while it built', async () => {
    const first = await start();
    const record = await pull(first, 'slow0');
    const manifests = join(dir, 'storage', 'manifests');
    const [name = ''] = await readdir(manifests);
    // Another image under this key, as by a server whose gzip packs otherwise; its blobs are there.
    const other = await pull(first, 'hello');
    await first.cache.dropManifest({ digest: record.config });
    const theirs = { ...record, forms: other.forms, config: other.config, layers: other.layers };
    await writeFile(join(manifests, name), JSON.stringify(theirs));
    expect((await pull(first, 'slow0')).forms).toEqual(other.forms);
  });
});

describe('a source in a folder', () => {
  it('tells nobody what it has built', async () => {
    const server = await start({ source: { kind: 'path', path: repository.url } });
    await pull(server, 'slow0', 'latest');
    expect(await readdir(join(dir, 'storage', 'manifests'))).toEqual([]);
    expect(await readdir(join(dir, 'storage', 'builds'))).toEqual([]);
  });
});
