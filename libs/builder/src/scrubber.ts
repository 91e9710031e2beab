import { setTimeout as delay } from 'node:timers/promises';

import { CacheError } from '@nixery/cache';
import { BlobError, type BlobLister, type BlobOpener, type Digest } from '@nixery/storage';

import { BuildError } from './errors.ts';
import { readThrough } from './intact.ts';

/** A disk reads a hundred times as much; a terabyte takes a day and a half (bytes a second). */
const BYTES_PER_SECOND = 8 * 1024 * 1024;

/** The first pass begins after this part of the interval: a server that is restarted every day scrubs all the same. */
const FIRST_AFTER = 1 / 24;

/** When as many blobs in a row could not be read or replaced, it is not them: the pass is given up. */
const MAX_FAILURES = 10;

export type ScrubEvent =
  /** A blob's content does not have its digest. */
  | { readonly type: 'damaged'; readonly digest: Digest; readonly healed: boolean }
  /** It cannot be told whether a blob is damaged (a bad sector), or a damaged one not be replaced now. */
  | { readonly type: 'skipped'; readonly digest: Digest; readonly error: Error }
  | { readonly type: 'done'; readonly blobs: number; readonly damaged: number }
  /** The pass was given up; another one begins when it is due. */
  | { readonly type: 'failed'; readonly error: unknown };

export interface ScrubberOptions {
  readonly store: BlobLister & BlobOpener;
  /** Replaces a damaged blob. @returns whether it could */
  readonly heal: (digest: Digest) => Promise<boolean>;
  /** Between the beginnings of two passes (ms). */
  readonly intervalMs: number;
  /** What is read at the most (bytes a second). Default 8 MiB. */
  readonly bytesPerSecond?: number;
  readonly onEvent: (event: ScrubEvent) => void;
}

/**
 * Reads the storage blob by blob, slowly and for ever, and has those replaced that are not what they were. Sizes are
 * checked whenever a blob is served; this finds what keeps its size: rot on a disk, a file that somebody wrote into.
 */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #stopped = new AbortController();
  readonly #ended: Promise<void>;

  constructor(options: ScrubberOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { intervalMs, onEvent } = this.#options;
    const { signal } = this.#stopped;
    let pauseMs = intervalMs * FIRST_AFTER;
    while (!signal.aborted) {
      // Timers hold 31 bits of milliseconds, and a process that ends does not wait for this one.
      await delay(Math.min(pauseMs, 2 ** 31 - 1), undefined, { signal, ref: false }).catch(
        () => {},
      );
      if (signal.aborted) return;
      const startedAt = performance.now();
      try {
        await this.#pass();
      } catch (error) {
        if (!signal.aborted) onEvent({ type: 'failed', error });
      }
      pauseMs = Math.max(0, intervalMs - (performance.now() - startedAt));
    }
  }

  async #pass(): Promise<void> {
    const { onEvent, store } = this.#options;
    const { signal } = this.#stopped;
    let blobs = 0;
    let damaged = 0;
    let failures = 0;
    for await (const { digest } of store.list()) {
      signal.throwIfAborted();
      blobs += 1;
      try {
        if (await this.#isReplaced(digest)) damaged += 1;
        failures = 0;
      } catch (error) {
        failures += 1;
        if (signal.aborted || !isItsOwn(error) || failures >= MAX_FAILURES) throw error;
        onEvent({ type: 'skipped', digest, error });
      }
    }
    onEvent({ type: 'done', blobs, damaged });
  }

  /** Whether a blob was damaged; then it has been tried to replace it. */
  async #isReplaced(digest: Digest): Promise<boolean> {
    const { bytesPerSecond = BYTES_PER_SECOND, heal, onEvent, store } = this.#options;
    const { signal } = this.#stopped;
    if ((await readThrough(store, digest, { bytesPerSecond, signal })) !== 'damaged') return false;
    onEvent({ type: 'damaged', digest, healed: await heal(digest) });
    return true;
  }
}

/** Whether this may be the matter of one blob. */
function isItsOwn(error: unknown): error is BlobError | BuildError | CacheError {
  return error instanceof BlobError || error instanceof BuildError || error instanceof CacheError;
}
