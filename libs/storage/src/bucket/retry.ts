import { setTimeout as delay } from 'node:timers/promises';
import { BlobError } from '../error.ts';
import type { Tuning } from './tuning.ts';

type Pauses = Pick<Tuning, 'firstDelayMs' | 'maxDelayMs'>;

/** Whether an error may go away by itself. Bytes damaged on their way are `unavailable`, too. */
export function isTransient(error: unknown): boolean {
  return error instanceof BlobError && error.code === 'unavailable';
}

/**
 * Attempts something until it succeeds, fails for good, or the deadline passes. Pauses grow exponentially and are
 * random, so that replicas that failed together do not come back together.
 *
 * @param deadlineMs - for all attempts together. `attempt` has to end when its signal says so.
 * @throws what the last attempt threw.
 */
export async function retry<T>(
  pauses: Pauses,
  deadlineMs: number,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(deadlineMs);
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt(signal);
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      const paused = await pause(pauses, failures, signal);
      if (!paused) throw error;
    }
  }
}

/** Waits as long as fits after so many failures in a row; false if the signal aborts the wait. */
export async function pause(
  pauses: Pauses,
  failures: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const longest = Math.min(pauses.maxDelayMs, pauses.firstDelayMs * 2 ** failures);
  const ms = longest * (0.5 + Math.random() / 2);
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
