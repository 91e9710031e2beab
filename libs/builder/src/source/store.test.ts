import { randomUUID } from 'node:crypto';
import { lutimes, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { fetchEnvironment } from '../process/environment.ts';
import { nixEnvironment } from '../testing/index.ts';
import { listenLocally } from '../testing/listen.ts';
import { makeStore } from '../testing/source-store.ts';
import type { SourceStore } from './store.ts';

const { signal } = new AbortController();
const TWO_HOURS_MS = 2 * 60 * 60 * 1000;

let dir: string;
let store: SourceStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-sources-'));
  store = makeStore(dir, fetchEnvironment(nixEnvironment()));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function obtain(commit: string): Promise<string> {
  return await store.obtain(commit, async () => {
    const folder = join(dir, randomUUID());
    await mkdir(folder);
    await writeFile(join(folder, 'default.nix'), `"${commit} ${dir}"`);
    return await store.add(commit, folder, signal);
  });
}

async function links(): Promise<readonly string[]> {
  return (await readdir(join(dir, 'sources'))).toSorted();
}

it('sources that builds may be reading are held, however many; of others the eight that were used last', async () => {
  const commits = Array.from({ length: 10 }, (_, i) => `commit${i}`);
  for (const commit of commits) await obtain(commit);
  expect(await links()).toEqual(commits);

  for (const [i, commit] of commits.entries()) {
    const used = new Date(Date.now() - TWO_HOURS_MS + i * 1_000);
    await lutimes(join(dir, 'sources', commit), used, used);
  }
  // Used again, so it is not among those that were used longest ago.
  await obtain('commit0');
  await obtain('new');
  expect(await links()).toEqual(['commit0', ...commits.slice(4), 'new'].toSorted());
});

it('a source that cannot be added is told to who asked, and the next one is added', async () => {
  const failing = store.obtain('failing', () => Promise.reject(new Error('no such commit')));
  const next = obtain('next');
  await expect(failing).rejects.toThrow('no such commit');
  expect(await next).toMatch(/^\/nix\/store\//);
});

it('what is being downloaded lies in a folder that is emptied after the server was killed', async () => {
  const silent = createServer(() => {});
  const url = `http://127.0.0.1:${await listenLocally(silent)}/source.tar.gz`;
  const controller = new AbortController();
  const adding = store.addTarball('never', url, controller.signal);
  const downloads = join(dir, 'downloads');
  try {
    await expect.poll(() => readdir(downloads), { timeout: 10_000 }).toHaveLength(1);
  } finally {
    controller.abort();
    silent.closeAllConnections();
    silent.close();
  }
  await expect(adding).rejects.toMatchObject({ code: 'stopping' });
  expect(await readdir(downloads)).toEqual([]);
});
