import { createRandom } from './random.ts';

/** What can go wrong between a store and its backend; `at` is the share of the body's bytes that still gets through. */
export type Fault =
  /** The connection breaks while the request is sent. */
  | { readonly kind: 'reset-request'; readonly at: number }
  /** The request is served, and its answer lost. */
  | { readonly kind: 'lose-answer' }
  /** Nothing is read or answered any more. */
  | { readonly kind: 'stall-request' }
  /** The answer stops in the middle, and the connection stays. */
  | { readonly kind: 'stall-answer'; readonly at: number }
  /** The connection breaks in the middle of the answer. */
  | { readonly kind: 'truncate-answer'; readonly at: number }
  /** The server is overloaded or broken. */
  | { readonly kind: 'status'; readonly status: 429 | 500 | 502 | 503 }
  /** One byte of the content is damaged on its way to the server. */
  | { readonly kind: 'damage-request'; readonly at: number }
  /** One byte of the content is damaged on its way from the server. */
  | { readonly kind: 'damage-answer'; readonly at: number }
  /** The answer states wrong checksums. */
  | { readonly kind: 'lie' };

export type FaultKind = Fault['kind'];

/** Decides which fault a request meets, if any. */
export type FaultPlan = () => Fault | null;

export const FAULT_KINDS = [
  'reset-request',
  'lose-answer',
  'stall-request',
  'stall-answer',
  'truncate-answer',
  'status',
  'damage-request',
  'damage-answer',
  'lie',
] as const satisfies readonly FaultKind[];

const STATUSES = [429, 500, 502, 503] as const;

/**
 * A plan of random faults, the same for the same seed and order of requests.
 *
 * @param rate - the share of requests that meet one.
 */
export function randomFaults(seed: number, rate: number): FaultPlan {
  const random = createRandom(seed);
  function pick<T>(items: readonly [T, ...T[]]): T {
    return items[Math.floor(random() * items.length)] ?? items[0];
  }
  return () => {
    if (random() >= rate) return null;
    const kind = pick(FAULT_KINDS);
    const at = random();
    return kind === 'status' ? { kind, status: pick(STATUSES) } : { kind, at };
  };
}
