import { Recent } from '@nixery/cache';

const MINUTE = 60_000;

/** Clients remembered; one that is forgotten begins anew with a full bucket. */
const MAX_CLIENTS = 100_000;

interface Bucket {
  tokens: number;
  /** ms, of a clock that never goes back. */
  at: number;
}

/** So many requests a minute for each client: a bucket a client, which holds a minute's worth and fills evenly. */
export class RateLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Recent<string, Bucket>(MAX_CLIENTS);

  /** @param now a clock that never goes back (ms) */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Takes one request. @returns 0, or after how long the next one may come (ms) */
  take(client: string): number {
    const now = this.#now();
    const bucket = this.#buckets.get(client);
    if (bucket === undefined) {
      this.#buckets.set(client, { tokens: this.#perMinute - 1, at: now });
      return 0;
    }
    const gained = ((now - bucket.at) * this.#perMinute) / MINUTE;
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + gained);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * MINUTE) / this.#perMinute);
    bucket.tokens -= 1;
    return 0;
  }
}
