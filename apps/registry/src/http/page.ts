import type { Exchange } from './exchange.ts';
import { httpErrors } from './errors.ts';
import { jsonBody } from './respond.ts';

/** The cache lists 1,000 at a time, and one more than is sent tells whether there are more. */
const MAX_PAGE = 999;

/** Which part of a listing is asked for: distribution-spec, "Listing Tags". */
export interface Page {
  /** Entries at most. */
  readonly size: number;
  /** Only what comes after this. */
  readonly last: string | undefined;
}

/** @throws HttpError for an `n` that is no number */
export function parsePage(query: URLSearchParams): Page {
  const n = query.get('n') ?? String(MAX_PAGE);
  if (!/^\d+$/.test(n)) throw httpErrors.pageInvalid();
  return { size: Math.min(Number(n), MAX_PAGE), last: query.get('last') ?? undefined };
}

/**
 * Sends a page of a listing, and where the next one is.
 *
 * @param entries in order, those after `last`; one more than the page holds, if there are as many
 * @param document what is sent for those on the page
 */
export function sendPage(
  exchange: Exchange,
  { size }: Page,
  entries: readonly string[],
  document: (shown: readonly string[]) => object,
): void {
  const shown = entries.slice(0, size);
  const last = shown.at(-1);
  const headers = ['Content-Type', 'application/json'];
  if (last !== undefined && entries.length > size) {
    const next = exchange.query;
    next.set('n', String(size));
    next.set('last', last);
    // With its path: podman and skopeo take a reference without one for the root.
    headers.push('Link', `<${exchange.path}?${next.toString()}>; rel="next"`);
  }
  exchange.send(200, headers, jsonBody(document(shown)));
}
