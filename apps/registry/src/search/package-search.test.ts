import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BuildError, type PackageSetVersion } from '@nixery/builder';
import { nixEnvironment } from '@nixery/builder/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { parsePolicy } from '../access/policy.ts';
import type { IndexEvent } from './indexer.ts';
import { PackageSearch, type PackageSearchOptions } from './package-search.ts';

const patient = { timeout: 60_000, interval: 20 };

let dir: string;
let search: PackageSearch | undefined;
let events: IndexEvent[];
let errors: Error[];
/** What the package set is at this moment: its text by its revision. */
let current: string | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-package-search-'));
  events = [];
  errors = [];
  current = undefined;
});
afterEach(async () => {
  await search?.stop();
  await rm(dir, { recursive: true });
});

/** Makes these the packages of the set. */
async function setTo(...names: readonly string[]): Promise<string> {
  const revision = randomUUID();
  const members = names.map(
    (name) => `${name} = { type = "derivation"; name = "${name}"; meta.description = "about"; };`,
  );
  await writeFile(join(dir, `${revision}.nix`), `{ ${members.join(' ')} }`);
  current = revision;
  return revision;
}

async function version(): Promise<PackageSetVersion> {
  if (current === undefined) throw new BuildError('source-unavailable', 'out of reach');
  const commit = current;
  return { key: commit, commit, provide: () => Promise.resolve(join(dir, `${commit}.nix`)) };
}

function start(more: Partial<PackageSearchOptions> = {}): PackageSearch {
  search = new PackageSearch({
    dir: join(dir, 'search'),
    packageSet: { current: version },
    system: 'x86_64-linux',
    allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
    sets: [],
    closed: [],
    env: nixEnvironment(),
    intervalMs: 100,
    isBusy: () => false,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...more,
  });
  search.start();
  return search;
}

async function found(text: string): Promise<readonly string[]> {
  const { packages } = (await search?.search(text)) ?? { packages: [] };
  return packages.map(({ imageName }) => imageName);
}

async function ready(revision: string): Promise<void> {
  await vi.waitFor(async () => {
    expect(await search?.search('')).toMatchObject({ state: 'ready', revision });
  }, patient);
}

describe('the search for packages', () => {
  it('answers so many at a time, and tells the others that it is busy', async () => {
    const revision = await setTo('git');
    const started = start();
    await ready(revision);
    const answers = await Promise.all(Array.from({ length: 600 }, () => started.search('git')));
    const states = answers.map(({ state }) => state);
    const answered = states.filter((state) => state === 'ready').length;
    expect(answered).toBeGreaterThanOrEqual(500);
    expect(states.filter((state) => state === 'busy')).toHaveLength(600 - answered);
    expect(answered).toBeLessThan(600);
    expect(errors).toEqual([]);
    expect(await found('git')).toEqual(['git']);
  });

  it('finds nothing at first, and says so, then everything', async () => {
    const revision = await setTo('git', 'gitui');
    const started = start();
    expect(await started.search('git')).toMatchObject({ packages: [], state: 'starting' });
    await ready(revision);
    expect(await started.search('git', { limit: 1 })).toMatchObject({
      packages: [{ attribute: 'git', description: 'about', available: true, reason: null }],
      indexed: 2,
      examined: 2,
      total: 2,
    });
    const { packages } = await started.find(['gitui', 'unknown']);
    expect(packages.map(({ attribute }) => attribute)).toEqual(['gitui']);
    // It is told of a moment after it can be asked.
    await vi.waitFor(
      () => expect(events.map(({ type }) => type)).toEqual(['begun', 'done']),
      patient,
    );
  });

  it('goes over to a new revision once it knows it, and drops the old one', async () => {
    await ready(await setToAndStart('old'));
    const revision = await setTo('new');
    await ready(revision);
    expect(await found('new')).toEqual(['new']);
    expect(await found('old')).toEqual([]);
    await vi.waitFor(async () => {
      const files = await readdir(join(dir, 'search'));
      expect(files.filter((name) => name.endsWith('.sqlite'))).toHaveLength(1);
    }, patient);
  });

  it('answers at once after a restart, also where the package set is out of reach', async () => {
    await ready(await setToAndStart('git'));
    await search?.stop();
    current = undefined;
    start();
    await vi.waitFor(async () => expect(await found('git')).toEqual(['git']), patient);
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('failed'), patient);
    expect(await search?.search('git')).toMatchObject({ state: 'ready' });
  });

  it('says that it has failed where there is nothing to read, and tries again', async () => {
    start();
    await vi.waitFor(async () => {
      expect(await search?.search('git')).toMatchObject({ state: 'failed', packages: [] });
    }, patient);
    const revision = await setTo('git');
    await ready(revision);
    expect(await found('git')).toEqual(['git']);
  });

  it('goes on with an index that it could not finish', async () => {
    const revision = await setTo('git', 'gitui');
    let asked = 0;
    let holds = true;
    // The first step lists names; what they are takes another one.
    start({ isBusy: () => asked++ > 0 && holds });
    await vi.waitFor(async () => {
      expect(await search?.search('git')).toMatchObject({ state: 'building', total: 2 });
    }, patient);
    const file = join(dir, `${revision}.nix`);
    const text = await readFile(file);
    await writeFile(file, 'throw "out of order"');
    holds = false;
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('failed'), patient);
    expect(await search?.search('git')).toMatchObject({ state: 'building', packages: [] });
    await writeFile(file, text);
    await ready(revision);
    expect(await found('git')).toEqual(['git', 'gitui']);
  });

  it('makes a damaged index again', async () => {
    const revision = await setTo('git');
    start();
    await ready(revision);
    await search?.stop();
    for (const name of await readdir(join(dir, 'search'))) {
      if (name.endsWith('.sqlite')) await writeFile(join(dir, 'search', name), 'x'.repeat(9_999));
    }
    start();
    await vi.waitFor(async () => expect(await found('git')).toEqual(['git']), patient);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('the index of packages is damaged'),
    ]);
  });

  it('lets builds go first', async () => {
    let isBusy = true;
    const revision = await setTo('git');
    start({ isBusy: () => isBusy });
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(['begun']), patient);
    expect(await search?.search('git')).toMatchObject({ state: 'starting' });
    isBusy = false;
    await ready(revision);
  });

  it('stops at once while it waits for builds', async () => {
    await setTo('git');
    start({ isBusy: () => true });
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(['begun']), patient);
    await search?.stop();
    expect(events.map(({ type }) => type)).toEqual(['begun']);
  });

  it('offers nobody what a list hides from them', async () => {
    await ready(await setToAndStart('git', 'gitui', 'gitea'));
    const policy = parsePolicy(
      JSON.stringify({ everyone: { deny: ['gitea'] }, users: { ann: { allow: ['gitui'] } } }),
      new Set(),
    );
    const offered = async (user: string | null): Promise<readonly string[]> => {
      const rules = policy.rulesFor(user);
      const answer = await search?.search('git', { rules });
      expect(await search?.find(['gitea'], { rules })).toMatchObject({ packages: [] });
      return answer?.packages.map(({ imageName }) => imageName) ?? [];
    };
    expect(await offered(null)).toEqual(['git', 'gitui']);
    expect(await offered('ann')).toEqual(['gitui']);
  });

  it('fails nobody where its folder cannot be written', async () => {
    await mkdir(join(dir, 'no'), { recursive: true });
    await writeFile(join(dir, 'no', 'search'), 'a file');
    await setTo('git');
    const started = start({ dir: join(dir, 'no', 'search') });
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('failed'), patient);
    expect(await started.search('git')).toMatchObject({ state: 'failed', packages: [] });
  });
});

async function setToAndStart(...names: readonly string[]): Promise<string> {
  const revision = await setTo(...names);
  start();
  return revision;
}
