import { setTimeout as delay } from 'node:timers/promises';

import { CacheError } from '@nixery/cache';

/** How long a cache that has crashed is waited for, which is more than it pauses between starts, and how often it is asked (ms). */
const CACHE_WAIT_MS = 15_000;
const CACHE_POLL_MS = 100;

/**
 * What the cache answers once it is up: that it gives no answer does not mean that no image holds a blob.
 *
 * @throws CacheError when it does not come up
 */
export async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + CACHE_WAIT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isDown =
        error instanceof CacheError && (error.code === 'unavailable' || error.code === 'restarted');
      if (!isDown || performance.now() > deadline) throw error;
      await delay(CACHE_POLL_MS);
    }
  }
}
