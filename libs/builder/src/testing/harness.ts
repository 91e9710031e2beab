import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createCache, type CacheClient } from '@nixery/cache';
import { type BlobStore, createFilesystemStore, type Digest, readBlob } from '@nixery/storage';

import type { BuildEvent } from '../build.ts';
import type { Builder } from '../builder.ts';
import { createBuilder, type CreateBuilderOptions } from '../create.ts';
import { DEFAULT_LAYER_BUDGET } from '../layer/plan.ts';
import { openStateDir } from '../state-dir.ts';
import { nixEnvironment } from './nix-environment.ts';
import { prepareTestPackages } from './packages.ts';

/** A builder with everything real around it, in a temporary folder. */
export interface Harness {
  readonly dir: string;
  readonly builder: Builder;
  readonly cache: CacheClient;
  readonly store: BlobStore;
  /** What happened, in order. */
  readonly events: readonly BuildEvent[];
  /** A JSON document from the storage. */
  read(digest: Digest): Promise<unknown>;
  /** Ends the builder and all that it uses; the folder stays. */
  stop(): Promise<void>;
  /** Starts over in the same folder. */
  restart(options?: Partial<CreateBuilderOptions>, around?: Surroundings): Promise<Harness>;
  remove(): Promise<void>;
}

/** What is around the builder, as far as it differs from the defaults. */
export interface Surroundings {
  /** A storage that outlives the harness, for several servers on one. */
  readonly storageDir?: string;
  /** For which moving entries are fresh (ms). */
  readonly recencyMs?: number;
}

/**
 * @param options what differs from the defaults
 * @param salt makes the packages that heed it new to this machine's Nix store
 */
export async function createHarness(
  options: Partial<CreateBuilderOptions> = {},
  salt = '',
  around: Surroundings = {},
): Promise<Harness> {
  const dir = await mkdtemp(join(tmpdir(), 'nixery-builder-'));
  await prepareTestPackages(join(dir, 'packages'), { salt });
  return await start(dir, options, around);
}

async function start(
  dir: string,
  options: Partial<CreateBuilderOptions>,
  around: Surroundings,
): Promise<Harness> {
  const { recencyMs, storageDir = join(dir, 'storage') } = around;
  const state = await openStateDir(join(dir, 'state'));
  const store = await createFilesystemStore({ root: storageDir });
  const cache = createCache({
    file: state.cacheFile,
    // An answer that comes late is a miss, which on a slow machine would be another result.
    askTimeoutMs: 120_000,
    ...(recencyMs !== undefined && { recencyMs }),
  });
  const events: BuildEvent[] = [];
  const builder = createBuilder({
    source: { kind: 'path', path: join(dir, 'packages') },
    image: {
      allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
      importFromDerivation: false,
      layerBudget: DEFAULT_LAYER_BUDGET,
      compression: { format: 'gzip', level: 1 },
    },
    cache,
    store,
    state,
    env: nixEnvironment(),
    nixThreads: 2,
    maxBuilds: 20,
    staleMs: 0,
    derivationTimeoutMs: 60_000,
    buildTimeoutMs: 120_000,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  async function stop(): Promise<void> {
    await builder.stop();
    await cache.stop();
    state.release();
  }
  return {
    dir,
    builder,
    cache,
    store,
    events,
    read: async (digest) =>
      JSON.parse(Buffer.from(await readBlob(store, digest, 1024 * 1024)).toString('utf8')),
    stop,
    restart: async (changed, changedAround) =>
      await start(dir, { ...options, ...changed }, { ...around, ...changedAround }),
    remove: () => rm(dir, { recursive: true }),
  };
}
