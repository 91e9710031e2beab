import { LRUCache } from 'lru-cache';

/**
 * What was used last, up to `max` entries. It takes memory as it fills: told `max`, lru-cache would take all of it at once, which
 * with some large ones was a tenth of a start's time.
 *
 * @param ttl how long an entry is valid, if not for ever (ms)
 */
export function growingCache<K extends {}, V extends {}>(max: number, ttl = 0): LRUCache<K, V> {
  return new LRUCache({ maxSize: max, sizeCalculation: () => 1, ttl });
}
