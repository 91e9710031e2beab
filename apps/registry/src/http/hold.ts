import { httpErrors } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { sendOn } from './respond.ts';

/** Redirects that clients follow in a row. All of them give up at the tenth. */
export const MAX_HOPS = 9;

/** Parameter that counts the hops. */
const HOP = 'w';

/** How long requests wait for what is being made. */
export interface HoldTimes {
  /** Until the request is sent on (ms). */
  readonly holdMs: number;
  /** At the last hop, which can be sent on no more (ms); null: as long as it takes. */
  readonly lastHoldMs: number | null;
}

/** What came of waiting. `over`: there is nothing left to answer. */
export type Held<T> = { readonly over: false; readonly value: T } | { readonly over: true };

/**
 * Waits for what is being made, and sends a client that would wait too long on to ask again. containerd gives up on an
 * answer whose headers take 30 s, and proxies on one that takes 60 s or so, while a redirect to the same address starts
 * their patience anew.
 *
 * @throws what `work` rejects with, while it is waited for; HttpError 429 when the last hop's time is over
 */
export async function hold<T>(
  exchange: Exchange,
  work: Promise<T>,
  { holdMs, lastHoldMs }: HoldTimes,
): Promise<Held<T>> {
  const hop = hopOf(exchange);
  const isLast = hop >= MAX_HOPS;
  const held = await within(work, isLast ? lastHoldMs : holdMs);
  if (exchange.isOver) return { over: true };
  if (held.over && isLast) throw httpErrors.stillBuilding();
  if (held.over) sendOn(exchange, nextHop(exchange.query, hop));
  return held;
}

/** Only a query, so that it holds behind any proxy, whatever path it is served under. */
function nextHop(query: URLSearchParams, hop: number): string {
  const next = new URLSearchParams(query);
  next.set(HOP, String(hop + 1));
  return `?${next.toString()}`;
}

/** Hops beyond the last are the last: a client that counts on by itself must not begin anew for ever. */
function hopOf(exchange: Exchange): number {
  const text = exchange.hasQuery ? (exchange.query.get(HOP) ?? '') : '';
  return /^[1-9]\d*$/.test(text) ? Math.min(Number(text), MAX_HOPS) : 0;
}

/** A promise's value, or that the time was over before. Whoever asks next learns of a later failure; here nobody is left. */
function within<T>(work: Promise<T>, waitMs: number | null): Promise<Held<T>> {
  return new Promise((resolve, reject) => {
    const timer = waitMs === null ? undefined : setTimeout(() => resolve({ over: true }), waitMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        return resolve({ over: false, value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
