import type { Exchange } from './exchange.ts';
import { sendOn } from './respond.ts';

/**
 * Redirects that clients follow in a row. All of them give up at the tenth, so the ninth hop waits as long as it takes.
 */
export const MAX_HOPS = 9;

/** Parameter that counts the hops. */
const HOP = 'w';

/** What came of waiting. `over`: there is nothing left to answer. */
export type Held<T> = { readonly over: false; readonly value: T } | { readonly over: true };

/**
 * Waits for what is being made, and sends a client that would wait too long on to ask again. containerd gives up on an
 * answer whose headers take 30 s, and proxies on one that takes 60 s or so, while a redirect to the same address starts
 * their patience anew.
 *
 * @param holdMs how long a request waits, except at the last hop
 * @throws what `work` rejects with, while it is waited for
 */
export async function hold<T>(
  exchange: Exchange,
  work: Promise<T>,
  holdMs: number,
): Promise<Held<T>> {
  const { query } = exchange;
  const hop = hopOf(query);
  const held = await within(work, hop >= MAX_HOPS ? null : holdMs);
  if (exchange.isOver) return { over: true };
  if (held.over) sendOn(exchange, nextHop(query, hop));
  return held;
}

/** Only a query, so that it holds behind any proxy, whatever path it is served under. */
function nextHop(query: URLSearchParams, hop: number): string {
  const next = new URLSearchParams(query);
  next.set(HOP, String(hop + 1));
  return `?${next.toString()}`;
}

function hopOf(query: URLSearchParams): number {
  const text = query.get(HOP) ?? '';
  return /^[1-9]$/.test(text) ? Number(text) : 0;
}

/** A promise's value, or that the time was over before. Whoever asks next learns of a later failure; here nobody is left. */
function within<T>(work: Promise<T>, waitMs: number | null): Promise<Held<T>> {
  return new Promise((resolve, reject) => {
    const timer = waitMs === null ? undefined : setTimeout(() => resolve({ over: true }), waitMs);
    work
      .then((value) => resolve({ over: false, value }), reject)
      .finally(() => clearTimeout(timer));
  });
}
