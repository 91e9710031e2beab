import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { CreateBuilderOptions } from './create.ts';
import { parseImageName } from './image-name.ts';
import { createHarness, type Harness, type Surroundings } from './testing/harness.ts';
import { type CountedNix, createCountedNix } from './testing/counted-nix.ts';
import { nixEnvironment } from './testing/nix-environment.ts';
import { createPackageRepository, type PackageRepository } from './testing/package-repository.ts';

// Several servers and builds each, on a machine that may be busy.

let dir: string;
let repository: PackageRepository;
let nix: CountedNix;
let harness: Harness | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-time-'));
  repository = await createPackageRepository(join(dir, 'upstream'));
  await repository.commit(randomUUID());
  nix = await createCountedNix(join(dir, 'bin'));
});
afterEach(async () => {
  await harness?.stop();
  await harness?.remove();
  harness = undefined;
  await rm(dir, { recursive: true });
});

async function start(
  around: Surroundings,
  options: Partial<CreateBuilderOptions> = {},
): Promise<Harness> {
  harness = await createHarness(
    {
      source: { kind: 'git', url: repository.url },
      env: { ...nixEnvironment(), PATH: nix.path },
      ...options,
    },
    '',
    around,
  );
  return harness;
}

async function pull(from: Harness, name = 'slow0', tag = 'main'): Promise<string> {
  const record = await from.builder.image(parseImageName(name, tag));
  return record.forms.oci?.digest ?? 'no OCI form';
}

function count(of: Harness, purpose: string): number {
  return of.events.filter((event) => event.type === 'started' && event.build.purpose === purpose)
    .length;
}

describe('an image of a branch', () => {
  it('is asked of the source again once it is too old, and not built while the commit is the same', async () => {
    const server = await start({ recencyMs: 200 });
    const first = await pull(server);
    await delay(250);
    const before = await nix.calls();
    expect(await pull(server)).toBe(first);
    expect(await nix.calls()).toEqual(before);
    expect(count(server, 'request')).toBe(2);
    expect(
      Object.keys(server.events.filter((e) => e.type === 'done').at(-1)?.build.stages ?? {}),
    ).toEqual(['resolve']);

    await repository.commit(randomUUID());
    await delay(250);
    expect(await pull(server)).not.toBe(first);
  });

  it('is refreshed in the background when it is nearly too old, once for all who ask', async () => {
    // The refresh, which begins at 80 % of this, has the rest of it to be done in.
    const server = await start({ recencyMs: 15_000 });
    const first = await pull(server);
    await repository.commit(randomUUID());
    const seen = new Set<string>();
    // Nobody waits for the new image: each answer is the old one, until it is there.
    while (!seen.has('new')) {
      const digests = await Promise.all(Array.from({ length: 5 }, () => pull(server)));
      for (const digest of digests) seen.add(digest === first ? 'old' : 'new');
      await delay(50);
    }
    expect([...seen]).toEqual(['old', 'new']);
    expect(count(server, 'refresh')).toBe(1);
    expect(count(server, 'request')).toBe(1);
  });

  it('is given too old only while its source cannot be reached', async () => {
    const server = await start({ recencyMs: 100 });
    const first = await pull(server);
    await repository.commit(randomUUID());
    await delay(150);
    await rename(repository.url, join(dir, 'away'));
    expect(await pull(server)).toBe(first);
    expect(await pull(server)).toBe(first);
    expect(server.events.filter((event) => event.type === 'stale')).toHaveLength(2);
    // The failure is remembered: the second did not ask the source.
    expect(count(server, 'request')).toBe(2);
    await expect(pull(server, 'hello')).rejects.toMatchObject({ code: 'source-unavailable' });

    await rename(join(dir, 'away'), repository.url);
    await expect.poll(() => pull(server), { timeout: 60_000, interval: 500 }).not.toBe(first);
  });

  it('is not given too old when its source says that the branch is gone', async () => {
    const server = await start({ recencyMs: 100 });
    repository.git('branch', 'feature');
    await pull(server, 'slow0', 'feature');
    repository.git('branch', '-D', 'feature');
    await delay(150);
    await expect(pull(server, 'slow0', 'feature')).rejects.toMatchObject({
      code: 'reference-not-found',
    });
  });

  it('is given at once while it is no older than allowed, and refreshed meanwhile', async () => {
    const server = await start({ recencyMs: 100 }, { staleMs: 60_000 });
    const first = await pull(server);
    await repository.commit(randomUUID());
    await delay(150);
    expect(await pull(server)).toBe(first);
    expect(count(server, 'request')).toBe(1);
    await expect.poll(() => pull(server)).not.toBe(first);
  });

  it('is one image under all tags of one commit, each of which is listed', async () => {
    const server = await start({});
    repository.git('tag', 'v1');
    const digests = await Promise.all([pull(server), pull(server, 'slow0', 'v1')]);
    expect(new Set(digests).size).toBe(1);
    expect(await nix.evaluations()).toBe(1);
    const { name } = (await server.cache.listManifests()).at(0)?.record.request ?? {};
    expect(await server.cache.listTags(String(name))).toEqual(['main', 'v1']);
  });
});

/** Nix, but the first realisation hangs until it is ended. @returns its `PATH`, and the file that is there once it hangs */
async function hangingOnce(): Promise<{ readonly path: string; readonly hangs: string }> {
  const hangs = join(dir, 'hangs');
  const file = join(dir, 'nix-store');
  const script = [
    '#!/bin/sh',
    // That of a package source has no log.
    `case "$*" in --realise*--log-format*) [ -e '${hangs}' ] || { : > '${hangs}'; exec sleep 600; } ;; esac`,
    `PATH='${nix.path}' exec nix-store "$@"`,
  ];
  await writeFile(file, `${script.join('\n')}\n`);
  await chmod(file, 0o755);
  return { path: `${dir}:${nix.path}`, hangs };
}

describe('a build that waits for another tag’s build of the same commit', () => {
  it('goes on by itself when that one’s time is over', async () => {
    const { hangs, path } = await hangingOnce();
    const env = { ...nixEnvironment(), PATH: path };
    const server = await start({}, { env, buildTimeoutMs: 12_000 });
    repository.git('tag', 'v1');
    const first = pull(server).catch((error: unknown) => error);
    await expect.poll(() => existsSync(hangs)).toBe(true);
    await delay(6_000);
    const second = pull(server, 'slow0', 'v1');
    expect(await first).toMatchObject({ code: 'deadline' });
    expect(await second).toMatch(/^sha256:/);
  });
});

describe('an image of a commit', () => {
  it('has no age', async () => {
    const server = await start({ recencyMs: 100 });
    const commit = repository.git('rev-parse', 'HEAD');
    await pull(server, 'slow0', commit);
    await delay(150);
    await rename(repository.url, join(dir, 'away'));
    await pull(server, 'slow0', commit);
    expect(count(server, 'request')).toBe(1);
  });
});

describe('an image of a source that has no tags', () => {
  it('is not evaluated again for another tag', async () => {
    const server = await start({}, { source: { kind: 'path', path: repository.url } });
    const first = await pull(server, 'slow0', 'a');
    for (const tag of ['b', 'c', 'd']) expect(await pull(server, 'slow0', tag)).toBe(first);
    expect(await nix.evaluations()).toBe(1);
  });
});
