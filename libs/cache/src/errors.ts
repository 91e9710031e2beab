/**
 * What can go wrong between a caller and the cache:
 * - `unavailable`: the actor's thread is down and waits for its restart
 * - `restarted`: the thread died while this request was with it
 * - `timeout`: no answer within the time an ask may take
 * - `overloaded`: too many requests are unanswered already
 * - `database`: SQLite could not do it (disk full, file locked by another process, I/O error)
 * - `invalid`: the caller's arguments or record break the schema; nothing was sent
 * - `stopped`: `stop` was called
 */
export type CacheErrorCode =
  'unavailable' | 'restarted' | 'timeout' | 'overloaded' | 'database' | 'invalid' | 'stopped';

/** Every error this library throws or rejects with. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
