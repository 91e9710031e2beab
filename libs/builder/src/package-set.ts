import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { keyOf } from './keys.ts';
import { provideRevision, resolveReference } from './reach.ts';
import type { PackageSource } from './source/index.ts';

/** The package set as it is at one moment. */
export interface PackageSetVersion {
  /** Hex; equal for what is the same package set. */
  readonly key: string;
  /** Null for a plain folder, of which `key` tells only that the folder itself or its `default.nix` changed. */
  readonly commit: string | null;
  /**
   * Makes it readable on this machine.
   *
   * @returns the path of a folder or file to `import`
   * @throws BuildError `source-unavailable`, `stopping`
   */
  provide(signal: AbortSignal): Promise<string>;
}

/** What images are built from when their tag says nothing else. */
export class PackageSet {
  readonly #source: PackageSource;

  constructor(source: PackageSource) {
    this.#source = source;
  }

  /** @throws BuildError `reference-not-found`, `source-unavailable`, `stopping` */
  async current(signal: AbortSignal): Promise<PackageSetVersion> {
    const source = this.#source;
    const revision = await resolveReference(source, 'latest', signal);
    const { commit } = revision;
    const identity = { kind: source.kind, id: source.id };
    const provide = (signal: AbortSignal): Promise<string> =>
      provideRevision(source, revision, signal);
    if (commit !== null) return { key: keyOf({ ...identity, commit }), commit, provide };
    const path = await provide(signal);
    const changed = [await changedAt(path), await changedAt(join(path, 'default.nix'))];
    return { key: keyOf({ ...identity, path, changed }), commit, provide };
  }
}

/** ms; null for what is not there: a package set may be a single file. */
async function changedAt(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? null : Math.round(found.mtimeMs);
}
