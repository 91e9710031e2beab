import type { System } from './image-name.ts';
import type { Package } from './nix/evaluate.ts';

/** Packages that are remembered; some 20 MB. */
const MAX_PACKAGES = 20_000;

/** A package set that stays what it is: a commit or a folder's state, for one platform. */
export interface PinnedSet {
  /** In hex. */
  readonly revision: string;
  readonly system: System;
}

/**
 * Packages by revision, platform and name, so that a new combination of known ones needs no evaluation. What else decides
 * them (the source, what is allowed) is one and the same for as long as a server runs.
 */
export class KnownPackages {
  readonly #packages = new Map<string, Package>();

  /** Those of `names` that are known, by name. */
  find(set: PinnedSet, names: readonly string[]): ReadonlyMap<string, Package> {
    const found = new Map<string, Package>();
    for (const name of names) {
      const key = keyOf(set, name);
      const known = this.#packages.get(key);
      if (known === undefined) continue;
      found.set(name, known);
      // Last again in the order of use.
      this.#packages.delete(key);
      this.#packages.set(key, known);
    }
    return found;
  }

  add(set: PinnedSet, packages: readonly Package[]): void {
    for (const found of packages) this.#packages.set(keyOf(set, found.requested), found);
    for (const oldest of this.#packages.keys()) {
      if (this.#packages.size <= MAX_PACKAGES) return;
      this.#packages.delete(oldest);
    }
  }

  forget(set: PinnedSet, names: readonly string[]): void {
    for (const name of names) this.#packages.delete(keyOf(set, name));
  }
}

/** Neither revisions nor platforms nor names hold white space. */
function keyOf({ revision, system }: PinnedSet, name: string): string {
  return `${revision} ${system} ${name}`;
}
