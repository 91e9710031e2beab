import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Build, BuildEvent } from './build.ts';
import { BuildError } from './errors.ts';
import type { ImageRequest } from './image-name.ts';
import { HeldOutputs, type Hold } from './held-outputs.ts';
import { areThere } from './is-there.ts';
import { KnownPackages, type PinnedSet } from './known-packages.ts';
import type { StorePathInfo } from './layer/types.ts';
import type { Allowances, Package } from './nix/evaluate.ts';
import type { TaskFailure } from './nix/failure.ts';
import { provideRevision } from './reach.ts';
import type { PackageSource, Revision } from './source/index.ts';
import type { Workers } from './workers.ts';

export interface PackageProviderOptions {
  readonly allow: Allowances;
  readonly importFromDerivation: boolean;
  readonly source: PackageSource;
  readonly workers: Workers;
  /** Where garbage-collector roots are kept. */
  readonly rootsDir: string;
  /** Of Nix, when it evaluates. */
  readonly evaluationEnv: NodeJS.ProcessEnv;
  /** Of Nix, when it builds and fetches. */
  readonly realisationEnv: NodeJS.ProcessEnv;
  /** Whether nothing is built: what the Nix store lacks has to come from a binary cache. */
  readonly substitutesOnly: boolean;
  /** For one derivation (ms). */
  readonly derivationTimeoutMs: number;
  /** For a whole build (ms). */
  readonly buildTimeoutMs: number;
  readonly onEvent: (event: BuildEvent) => void;
}

/** Packages in the Nix store, which keeps them until they are released. */
export interface ProvidedPackages {
  /** Each once, in the order in which they win where several bring the same file. */
  readonly packages: readonly Package[];
  /** Every store path that they need, themselves included. */
  readonly graph: readonly StorePathInfo[];
  /** Whether some of this was remembered and not asked of Nix. */
  readonly isRecalled: boolean;
  release(): Promise<void>;
}

/** From names to store paths. What it has done before it does from memory. */
export class PackageProvider {
  readonly #options: PackageProviderOptions;
  readonly #known = new KnownPackages();
  readonly #held = new HeldOutputs();

  constructor(options: PackageProviderOptions) {
    this.#options = options;
  }

  /**
   * @param options `anew`: without what is remembered
   * @throws BuildError
   */
  async provide(
    build: Build<ImageRequest>,
    revision: Revision,
    signal: AbortSignal,
    { anew = false }: { readonly anew?: boolean } = {},
  ): Promise<ProvidedPackages> {
    const set = await this.#pinnedSet(build, revision);
    const names = build.request.packages;
    if (anew && set !== undefined) this.#known.forget(set, names);
    const known = set === undefined ? new Map<string, Package>() : this.#known.find(set, names);
    const unknown = names.filter((name) => !known.has(name));
    const evaluated =
      unknown.length === 0 ? [] : await this.#evaluate(build, revision, unknown, signal);
    if (set !== undefined && evaluated.length > 0)
      await this.#remember(set, build, revision, evaluated);
    const packages = inOrder(names, [...known.values(), ...evaluated]);

    const outputs = packages.map(({ outPath }) => outPath);
    if (anew) this.#held.forget(outputs);
    const held = await this.#held.acquire(outputs);
    if (held !== undefined) return { packages, isRecalled: true, ...held };
    const isRecalled = known.size > 0;
    try {
      return { packages, isRecalled, ...(await this.#realise(build, packages, signal)) };
    } catch (error) {
      if (anew || !(error instanceof BuildError) || error.code !== 'internal') throw error;
      // Nothing holds derivations: one that is remembered, or was just made, may have been collected since.
      if (!isRecalled && (await areThere(packages.map(({ drvPath }) => drvPath)))) throw error;
      return await this.provide(build, revision, signal, { anew: true });
    }
  }

  /** Lets the Nix store do what it likes with all that nobody uses. */
  async close(): Promise<void> {
    await this.#held.close();
  }

  /** Undefined for what may be another package set at any moment. */
  async #pinnedSet(
    { request }: Build<ImageRequest>,
    { commit }: Revision,
  ): Promise<PinnedSet | undefined> {
    const revision = commit ?? (await this.#options.source.state?.());
    return revision === undefined ? undefined : { revision, system: request.system };
  }

  /** Unless the package set was changed while it was evaluated. */
  async #remember(
    set: PinnedSet,
    build: Build<ImageRequest>,
    revision: Revision,
    packages: readonly Package[],
  ): Promise<void> {
    const now = await this.#pinnedSet(build, revision);
    if (now?.revision === set.revision) this.#known.add(set, packages);
  }

  async #evaluate(
    build: Build<ImageRequest>,
    revision: Revision,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Package[]> {
    const { allow, buildTimeoutMs, evaluationEnv, importFromDerivation, workers } = this.#options;
    const source = await build.during('fetch', () =>
      provideRevision(this.#options.source, revision, signal),
    );
    const task = {
      source,
      system: build.request.system,
      names,
      allow,
      importFromDerivation,
      env: evaluationEnv,
      deadlineMs: Math.max(1, buildTimeoutMs - build.elapsedMs),
    };
    const result = await build.during('evaluate', () =>
      workers.evaluate(task, signal, { onQueued: this.#noteQueue(build) }),
    );
    if (!result.ok) throw errorOf(result);
    return result.packages;
  }

  async #realise(
    build: Build<ImageRequest>,
    packages: readonly Package[],
    signal: AbortSignal,
  ): Promise<Hold> {
    const {
      buildTimeoutMs,
      derivationTimeoutMs,
      realisationEnv,
      onEvent,
      substitutesOnly,
      workers,
    } = this.#options;
    const rootsDir = join(this.#options.rootsDir, randomUUID());
    const task = {
      outputs: packages,
      rootsDir,
      substitutesOnly,
      env: realisationEnv,
      derivationTimeoutMs,
      deadlineMs: Math.max(1, buildTimeoutMs - build.elapsedMs),
    };
    try {
      const result = await build.during('realise', () =>
        workers.realise(task, signal, {
          onQueued: this.#noteQueue(build),
          onEvent: (event) => onEvent({ type: 'nix', build, event }),
        }),
      );
      if (!result.ok) throw errorOf(result);
      const outputs = packages.map(({ outPath }) => outPath);
      return await this.#held.keep(rootsDir, outputs, result.graph);
    } catch (error) {
      await rm(rootsDir, { recursive: true, force: true });
      throw error;
    }
  }

  #noteQueue(build: Build): (isQueued: boolean) => void {
    return (isQueued) => this.#options.onEvent({ type: 'queue', build, isQueued });
  }
}

/** Packages in the order of the names. Two names of one package, such as an alias and what it stands for, are one package. */
function inOrder(names: readonly string[], packages: readonly Package[]): readonly Package[] {
  const byName = new Map(packages.map((found) => [found.requested, found]));
  const ordered = names.flatMap((name) => byName.get(name) ?? []);
  return [...new Map(ordered.map((found) => [found.outPath, found])).values()];
}

function errorOf(failure: TaskFailure): BuildError {
  const { ok: _, code, message, ...details } = failure;
  return new BuildError(code, message, details);
}
