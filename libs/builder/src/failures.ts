import type { BuildError } from './errors.ts';

/** How long a failure that would repeat itself is remembered, and one that may not (ms). */
const DETERMINISTIC_MS = 60_000;
const TRANSIENT_MS = 5_000;
const MAX_ENTRIES = 10_000;

/**
 * Failures of late, by key. A client asks several times in one pull; each of them would otherwise build, and fail, anew.
 */
export class RecentFailures {
  readonly #entries = new Map<string, { readonly error: BuildError; readonly until: number }>();
  readonly #now: () => number;

  /** @param now a clock that never goes back (ms) */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How many are held, some of which may be over. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): BuildError | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#now()) return entry.error;
    this.#entries.delete(key);
    return undefined;
  }

  /** Remembers a failure, unless it says nothing of the image: an overloaded or stopping server is no reason to refuse it later. */
  add(key: string, error: BuildError): void {
    if (error.code === 'overloaded' || error.code === 'stopping') return;
    const now = this.#now();
    const until = now + (error.transient ? TRANSIENT_MS : DETERMINISTIC_MS);
    this.#entries.delete(key);
    this.#entries.set(key, { error, until });
    // The oldest first. Nobody may ever ask for them again, and they hold logs.
    for (const [other, entry] of this.#entries) {
      if (entry.until > now && this.#entries.size <= MAX_ENTRIES) return;
      this.#entries.delete(other);
    }
  }
}
