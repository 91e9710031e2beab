import { constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import type { CacheClient } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';

import type { BuildEvent } from './build.ts';
import { Builder } from './builder.ts';
import { Builds } from './builds.ts';
import { Healer } from './healer.ts';
import { ImageBuilder, type ImageOptions } from './image-builder.ts';
import { ImageRecords } from './image-records.ts';
import { IndexBuilder } from './index-builder.ts';
import { isThere } from './is-there.ts';
import { LayerCache } from './layer-cache.ts';
import { Leases } from './leases.ts';
import { PackageProvider } from './package-provider.ts';
import { PackageSet } from './package-set.ts';
import {
  evaluationEnvironment,
  fetchEnvironment,
  realisationEnvironment,
  refreshEnvironment,
  withNixOptions,
} from './process/environment.ts';
import { RevisionImages } from './revision-images.ts';
import { SharedRecords } from './shared-records.ts';
import {
  channelSource,
  gitSource,
  type PackageSource,
  pathSource,
  Refresher,
  SourceStore,
} from './source/index.ts';
import type { StateDir } from './state-dir.ts';
import { Workers } from './workers.ts';

/** Where packages come from, as configured. */
export type SourceOptions =
  | {
      readonly kind: 'path';
      readonly path: string;
      /** A program that brings the folder up to date; run when something of it cannot be built, which is then tried again. */
      readonly refresh?: string | undefined;
    }
  | { readonly kind: 'git'; readonly url: string }
  | {
      readonly kind: 'channel';
      /** A branch of nixpkgs or a commit. */
      readonly channel: string;
      /** Address of the repository on a forge that serves tarballs the way GitHub does. */
      readonly repositoryUrl: string;
    };

export interface CreateBuilderOptions {
  readonly source: SourceOptions;
  readonly image: ImageOptions;
  readonly cache: CacheClient;
  readonly store: BlobStore;
  readonly state: StateDir;
  /** The environment that Nix and git get a selection of. */
  readonly env: NodeJS.ProcessEnv;
  /** Settings of nix.conf for all Nix processes but evaluations that build nothing, by name. */
  readonly nixOptions?: Readonly<Record<string, string>>;
  /** Nix processes at the same time. */
  readonly nixThreads: number;
  /** Builds at the same time, waiting ones included. */
  readonly maxBuilds: number;
  /** Of these, what one client may have begun. Default: no bound. */
  readonly maxBuildsPerClient?: number | undefined;
  /** Whether nothing is built: what the Nix store lacks has to come from a binary cache. Default false. */
  readonly substitutesOnly?: boolean;
  /** How long past its freshness an image is still served at once, while it is refreshed (ms). */
  readonly staleMs: number;
  /** For one derivation (ms). */
  readonly derivationTimeoutMs: number;
  /** For a whole build, the wait for a thread and its package source included (ms). */
  readonly buildTimeoutMs: number;
  readonly onEvent: (event: BuildEvent) => void;
  /** Told when a worker thread fails outside of a task. */
  readonly onError: (error: Error) => void;
}

/** Puts a builder together. The caller ends it with `stop`, and closes cache, store and state after that. */
export function createBuilder(options: CreateBuilderOptions): Builder {
  const { cache, image, nixOptions = {}, onEvent, onError, state, store } = options;
  const env = withNixOptions(options.env, nixOptions);
  const { maxBuilds, maxBuildsPerClient = Infinity, substitutesOnly = false } = options;
  const source = createSource({ ...options, env });
  const workers = new Workers({ nixThreads: options.nixThreads, onError });
  const leases = new Leases(store);
  // A folder means something on one machine only.
  const shared = source.kind === 'path' ? undefined : new SharedRecords({ store, leases, onEvent });
  const layers = new LayerCache({ cache, store, leases, shared, spoolDir: state.spool });
  const records = new ImageRecords({ store, onEvent });
  const packages = new PackageProvider({
    allow: image.allow,
    importFromDerivation: image.importFromDerivation,
    source,
    workers,
    rootsDir: state.roots,
    // Where binary caches are, and what with them, is no business of an evaluation that takes nothing from them.
    evaluationEnv: evaluationEnvironment(image.importFromDerivation ? env : options.env),
    realisationEnv: realisationEnvironment(env),
    substitutesOnly,
    derivationTimeoutMs: options.derivationTimeoutMs,
    buildTimeoutMs: options.buildTimeoutMs,
    onEvent,
  });
  const images = new ImageBuilder({
    image,
    source,
    packages,
    store,
    layers,
    leases,
    records,
    workers,
    onEvent,
  });
  const builds = new Builds({
    maxBuilds,
    maxBuildsPerClient,
    timeoutMs: options.buildTimeoutMs,
    onEvent,
  });
  const revisions = new RevisionImages({ cache, images, shared });
  const indexes = new IndexBuilder({
    builds,
    cache,
    images,
    revisions,
    leases,
    records,
    store,
  });
  const healer = new Healer({ cache, store, records, images, indexes, layers, builds, onEvent });
  const { staleMs } = options;
  return new Builder({
    cache,
    source,
    images,
    indexes,
    revisions,
    builds,
    healer,
    packageSet: new PackageSet(source),
    staleMs,
    onEvent,
  });
}

function createSource({ env, source, state }: CreateBuilderOptions): PackageSource {
  const fetchEnv = fetchEnvironment(env);
  const store = new SourceStore({ dir: state.sources, downloads: state.downloads, env: fetchEnv });
  switch (source.kind) {
    case 'path': {
      const { path, refresh } = source;
      if (!refresh) return pathSource(path);
      const refreshEnv = refreshEnvironment(env, path);
      return pathSource(path, new Refresher({ program: refresh, env: refreshEnv }));
    }
    case 'git':
      return gitSource({ url: source.url, dir: state.git, store, env: fetchEnv });
    case 'channel':
      return channelSource({ ...source, store });
  }
}

const TOOLS: Readonly<Record<SourceOptions['kind'], readonly string[]>> = {
  path: ['nix-instantiate', 'nix-store'],
  git: ['nix-instantiate', 'nix-store', 'git'],
  channel: ['nix-instantiate', 'nix-store', 'nix-prefetch-url'],
};

/** The programs that a package source takes and that are not on `PATH`. */
export async function missingTools(
  kind: SourceOptions['kind'],
  env: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const missing: string[] = [];
  for (const tool of TOOLS[kind]) {
    const found = await Promise.all(
      folders.map((folder) => isThere(join(folder, tool), constants.X_OK)),
    );
    if (!found.includes(true)) missing.push(tool);
  }
  return missing;
}
