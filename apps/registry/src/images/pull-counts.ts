import type { PullLog } from '@nixery/builder';
import type { Digest } from '@nixery/storage';

/** Beyond this many manifests those that came first are forgotten; each takes some 200 bytes. */
const MAX_COUNTED = 100_000;
/** How often the log is told of a manifest that is pulled all the time (ms). It has its own mind about what it writes. */
const LOGGED_AGAIN_MS = 60_000;

/** How often a manifest was given to somebody since the server started. */
export interface PullCount {
  readonly count: number;
  /** ms since 1970. */
  readonly lastAt: number;
}

/** A manifest whose pulls are counted. */
interface Counted {
  count: number;
  lastAt: number;
  /** When the log was told of it (ms since 1970). */
  loggedAt: number;
}

/**
 * Counts pulls for people who look, and has them logged for those who collect: one is noted in no more time than a look-up
 * takes. The counts do not survive the process.
 */
export class PullCounts {
  readonly #log: Pick<PullLog, 'note'>;
  readonly #max: number;
  readonly #counts = new Map<Digest, Counted>();

  constructor(log: Pick<PullLog, 'note'>, max = MAX_COUNTED) {
    this.#log = log;
    this.#max = max;
  }

  /** @param isHead the manifest was only described: docker and containerd describe a tag first, and then get what it stands for */
  note(digest: Digest, isHead: boolean): void {
    const now = Date.now();
    const counted = this.#counts.get(digest) ?? this.#begin(digest);
    if (!isHead) {
      counted.count += 1;
      counted.lastAt = now;
    }
    // Also where the clock has been set back.
    if (Math.abs(now - counted.loggedAt) < LOGGED_AGAIN_MS) return;
    counted.loggedAt = now;
    this.#log.note(digest);
  }

  of(digest: Digest): PullCount | null {
    const counted = this.#counts.get(digest);
    if (counted === undefined || counted.count === 0) return null;
    return { count: counted.count, lastAt: counted.lastAt };
  }

  #begin(digest: Digest): Counted {
    const counted = { count: 0, lastAt: 0, loggedAt: 0 };
    this.#counts.set(digest, counted);
    if (this.#counts.size > this.#max) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return counted;
  }
}
