/**
 * Redirects that clients follow in a row. All of them give up at the tenth, so the ninth hop waits as long as it takes.
 */
export const MAX_HOPS = 9;

/** Parameter that counts the hops. */
const HOP = 'w';

/** What to answer while an image is built: wait for it this long, then send the client on; `null`: wait to the end. */
export interface Hold {
  readonly waitMs: number | null;
  /** Where the client is sent; only a query, so that it holds behind any proxy, whatever path it is served under. */
  readonly next: string;
}

/**
 * How long a request may be held. containerd gives up on an answer whose headers take 30 s, and proxies on one that takes
 * 60 s or so, while a redirect to the same address starts their patience anew.
 */
export function holdFor(query: URLSearchParams, holdMs: number): Hold {
  const hop = hopOf(query);
  const following = new URLSearchParams(query);
  following.set(HOP, String(hop + 1));
  return { waitMs: hop >= MAX_HOPS ? null : holdMs, next: `?${following.toString()}` };
}

function hopOf(query: URLSearchParams): number {
  const text = query.get(HOP) ?? '';
  return /^[1-9]$/.test(text) ? Number(text) : 0;
}

/** A promise's value, or `pending` when it is not settled in time. */
export async function within<T>(
  promise: Promise<T>,
  waitMs: number | null,
): Promise<{ readonly pending: false; readonly value: T } | { readonly pending: true }> {
  const settled = promise.then((value) => ({ pending: false, value }) as const);
  if (waitMs === null) return await settled;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<{ readonly pending: true }>((resolve) => {
    timer = setTimeout(() => resolve({ pending: true }), waitMs);
  });
  try {
    return await Promise.race([settled, timeout]);
  } finally {
    clearTimeout(timer);
    // Whoever asks next learns of a failure; here nobody is left to be told.
    settled.catch(() => {});
  }
}
