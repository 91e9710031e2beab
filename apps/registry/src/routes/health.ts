import type { CacheClient, CacheEvent } from '@nixery/cache';
import type { BlobStatter } from '@nixery/storage';

import { type Check, Probe } from './probe.ts';

/** A cache that is not up again after this long is in trouble; one crash takes a tenth of a second (ms). */
const CACHE_GRACE_MS = 5_000;
/** So many crashes in so long (ms) are a loop. */
const CRASH_LOOP = { crashes: 3, withinMs: 30_000 } as const;
/**
 * A storage may be away for this long (ms): manifests come from memory meanwhile, and clients try blobs again. Taking all
 * replicas of a service out at once would make an outage of it.
 */
const STORAGE_GRACE_MS = 60_000;
/** How long the storage may take to answer a probe (ms). */
const STORAGE_TIMEOUT_MS = 5_000;
/** How long its answer is kept (ms). */
const STORAGE_ANSWER_MS = 1_000;
/** Nix may fail for so long (ms): it may only have been slow on a busy machine, and what is built is served without it. */
const NIX_GRACE_MS = 30_000;
/** Asking Nix starts a process, so its answer is kept for longer (ms). */
const NIX_ANSWER_MS = 15_000;

/** A digest that nothing has. */
const NO_BLOB = `sha256:${'0'.repeat(64)}` as const;

export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: { readonly storage: Check; readonly cache: Check; readonly nix: Check };
}

export interface ReadinessOptions {
  readonly cache: Pick<CacheClient, 'status'>;
  readonly store: BlobStatter;
  /** What is wrong with Nix, in a sentence, or null. */
  readonly nixProblem: () => Promise<string | null>;
  /** A clock that never goes back (ms). */
  readonly now?: () => number;
}

/** Whether this server should be sent clients: what `GET /readyz` answers. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #now: () => number;
  #crashes: readonly number[] = [];
  /** Null while it is up. */
  #cacheDownSince: number | null;
  readonly #storage: Probe;
  readonly #nix: Probe;

  constructor(options: ReadinessOptions) {
    const { nixProblem, now = () => performance.now(), store } = options;
    this.#options = options;
    this.#now = now;
    this.#cacheDownSince = now();
    this.#storage = new Probe({
      ask: () => storageProblem(store),
      keepMs: STORAGE_ANSWER_MS,
      graceMs: STORAGE_GRACE_MS,
      now,
    });
    this.#nix = new Probe({ ask: nixProblem, keepMs: NIX_ANSWER_MS, graceMs: NIX_GRACE_MS, now });
  }

  /** To be told of everything that befalls the cache. */
  noteCacheEvent(event: CacheEvent): void {
    if (event.type === 'ready') this.#cacheDownSince = null;
    if (event.type !== 'crashed') return;
    const now = this.#now();
    this.#cacheDownSince ??= now;
    this.#crashes = [...this.#crashes, now].slice(-CRASH_LOOP.crashes);
  }

  async report(): Promise<ReadinessReport> {
    const cache = this.#checkCache();
    const [storage, nix] = await Promise.all([this.#storage.check(), this.#nix.check()]);
    const checks = { storage, cache, nix };
    return { ready: Object.values(checks).every(({ status }) => status !== 'failed'), checks };
  }

  #checkCache(): Check {
    const now = this.#now();
    const { state } = this.#options.cache.status;
    const { crashes, withinMs } = CRASH_LOOP;
    const recent = this.#crashes.filter((at) => now - at < withinMs).length;
    if (recent >= crashes) {
      return {
        status: 'failed',
        reason: `the cache crashed ${recent} times in ${withinMs / 1000} s`,
      };
    }
    if (state === 'ready') return { status: 'ok' };
    const status = now - (this.#cacheDownSince ?? now) < CACHE_GRACE_MS ? 'degraded' : 'failed';
    return { status, reason: `the cache is ${state === 'starting' ? 'starting' : 'down'}` };
  }
}

async function storageProblem(store: BlobStatter): Promise<string | null> {
  try {
    await inTime(store.stat(NO_BLOB), STORAGE_TIMEOUT_MS);
    return null;
  } catch (error) {
    // A code says enough to strangers: the storage's own words may hold paths and addresses.
    return `the storage does not answer (${codeOf(error)})`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no answer in time';
}

async function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
