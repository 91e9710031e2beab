import type { Digest, ObjectStore } from '@nixery/storage';

import { writePulls } from './pull-times.ts';

const MINUTE_MS = 60_000;
/** How often what was pulled is written (ms): a crash loses as much. */
const FLUSH_MS = 10 * MINUTE_MS;
/** For how long (ms) a manifest that is pulled again is not written again. Collection reckons with it. */
export const RENOTE_MS = 24 * 60 * MINUTE_MS;
/** Beyond this many manifests the earliest noted are forgotten, and so written more often than once a day. */
const MAX_NOTED = 200_000;

export interface PullLogOptions {
  readonly store: ObjectStore;
  /** Told when the storage does not take what was noted; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Default 10 minutes. */
  readonly flushMs?: number;
}

/**
 * When manifests are pulled, for collection to know what is in use: noted in memory, written to the storage in batches,
 * each manifest once a day.
 */
export class PullLog {
  readonly #options: PullLogOptions;
  readonly #noted = new Map<Digest, number>();
  #pending = new Set<Digest>();
  /** Since when what is pending was pulled (ms since the epoch). */
  #since = Date.now();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: PullLogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.flushMs ?? FLUSH_MS);
    this.#timer.unref();
  }

  /** Notes that a manifest was served. Costs a look-up, and never waits. */
  note(digest: Digest): void {
    const now = performance.now();
    const at = this.#noted.get(digest);
    if (at !== undefined && now - at < RENOTE_MS) return;
    this.#noted.delete(digest);
    this.#noted.set(digest, now);
    this.#pending.add(digest);
    if (this.#noted.size <= MAX_NOTED) return;
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined) this.#noted.delete(oldest);
  }

  /** Writes what is noted. Never rejects: what cannot be written is kept for the next time. */
  async flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    await this.#flushing;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(): Promise<void> {
    const { onError, store } = this.#options;
    const now = Date.now();
    const pulled = this.#pending;
    if (pulled.size === 0) return;
    this.#pending = new Set();
    try {
      await writePulls(store, {
        since: this.#since,
        times: new Map([...pulled].map((d) => [d, now])),
      });
      this.#since = now;
    } catch (error) {
      this.#pending = new Set([...pulled, ...this.#pending].slice(0, MAX_NOTED));
      onError(error);
    }
  }
}
