import { Recent } from './recent.ts';
import type { ManifestKind } from './records.ts';

/** Entries whose versions are known at a time: more than askers keep. Each takes some 200 bytes. */
const MAX_TOLD = 100_000;

/** What tells whether an entry is fresh, without its record. */
export interface Stamp {
  readonly id: number;
  readonly kind: ManifestKind;
  readonly storedAt: number;
}

/** Under which versions askers know entries. One that is replaced or gone is known under none. */
export class Versions {
  readonly #next: () => number;
  readonly #told: Recent<number, Stamp>;
  readonly #ofId = new Map<number, number>();

  /** @param next another number each time */
  constructor(next: () => number, max = MAX_TOLD) {
    this.#next = next;
    this.#told = new Recent(max, ({ id }) => this.#ofId.delete(id));
  }

  /** The version to tell of an entry: the same again while it is the same. */
  tell({ id, kind, storedAt }: Stamp): number {
    const known = this.#ofId.get(id);
    if (known !== undefined) return known;
    const version = this.#next();
    this.#told.set(version, { id, kind, storedAt });
    this.#ofId.set(id, version);
    return version;
  }

  find(version: number): Stamp | undefined {
    return this.#told.get(version);
  }

  /** To be told of each entry that is replaced or gone. */
  forget(id: number): void {
    const version = this.#ofId.get(id);
    if (version !== undefined) this.#told.delete(version);
  }
}
