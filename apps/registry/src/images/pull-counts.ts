import type { Digest } from '@nixery/storage';

/** Beyond this many manifests those that came first are forgotten; each takes some 200 bytes. */
const MAX_COUNTED = 100_000;

/** How often a manifest was given to somebody since the server started. */
export interface PullCount {
  readonly count: number;
  /** ms since 1970. */
  readonly lastAt: number;
}

/** Counts pulls for people who look: one is noted in no more time than a look-up takes, and none survives the process. */
export class PullCounts {
  readonly #max: number;
  readonly #counts = new Map<Digest, { count: number; lastAt: number }>();

  constructor(max = MAX_COUNTED) {
    this.#max = max;
  }

  note(digest: Digest): void {
    const known = this.#counts.get(digest);
    if (known !== undefined) {
      known.count += 1;
      known.lastAt = Date.now();
      return;
    }
    this.#counts.set(digest, { count: 1, lastAt: Date.now() });
    if (this.#counts.size <= this.#max) return;
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined) this.#counts.delete(oldest);
  }

  of(digest: Digest): PullCount | null {
    return this.#counts.get(digest) ?? null;
  }
}
