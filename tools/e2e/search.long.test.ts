import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { writeManyPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { logLines } from './log-lines.ts';
import { searchExamined, searchFor, searchReady } from './search-answers.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const ATTRIBUTES = 100_000;

let dir: string;
let registry: RegistryServer | undefined;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'nixery-e2e-search-'));
});
afterEach(async () => {
  await registry?.stop();
  await rm(dir, { recursive: true });
});

describe('a package set of 100,000 attributes', () => {
  it('is indexed by a server that is killed meanwhile, which goes on where it was', async () => {
    const set = await writeManyPackages(path.join(dir, 'set'), ATTRIBUTES);
    const env = { NIXERY_PKGS_PATH: set, NIXERY_SEARCH: 'on' };

    registry = await startRegistry(dir, env);
    for (const part of [0.1, 0.3, 0.6]) {
      const { examined, state } = await searchExamined(registry.url, ATTRIBUTES * part);
      expect(state).toBe('building');
      await registry.kill();
      registry = await startRegistry(dir, env);
      expect((await searchExamined(registry.url, 1)).examined).toBeGreaterThanOrEqual(examined);
    }

    const { examined, indexed, total } = await searchReady(registry.url);
    expect(total).toBeGreaterThanOrEqual(ATTRIBUTES);
    expect(examined).toBe(total);
    expect(indexed).toBeGreaterThan(ATTRIBUTES * 0.99);
    const finished = registry;
    // It is told of a moment after it can be asked.
    await vi.waitFor(
      () => {
        const done = logLines(finished).find(
          ({ msg }) => msg === 'the search knows the package set',
        );
        expect(done).toMatchObject({ skipped: 0, leftOut: 0, packages: indexed });
      },
      { timeout: 60_000, interval: 50 },
    );
    const files = await readdir(path.join(dir, 'state', 'search'));
    expect(files.filter((name) => name.endsWith('.sqlite'))).toHaveLength(1);

    const { packages } = await searchFor(registry.url, 'dibe');
    expect(packages[0]).toMatchObject({ attribute: 'dibe' });
    expect(packages).toHaveLength(20);
  });
});
