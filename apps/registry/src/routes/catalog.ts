import type { CacheClient } from '@nixery/cache';

import type { Exchange } from '../http/exchange.ts';
import { type Page, parsePage, sendPage } from '../http/page.ts';

/** As many as the cache lists at a time. */
const MAX_NAMES = 1_000;

/**
 * `GET /v2/_catalog`: the names of images that have been built, each in its shortest spelling, in lexical order. Any other
 * name can be pulled just as well.
 * {@link https://distribution.github.io/distribution/spec/api/#listing-repositories}
 *
 * @param isVisible whether whoever asks may have the image of a name
 * @throws HttpError, CacheError
 */
export async function serveCatalog(
  cache: CacheClient,
  exchange: Exchange,
  isVisible: (name: string) => boolean,
): Promise<void> {
  const page = parsePage(exchange.query);
  const names = await visibleNames(cache, page, isVisible);
  sendPage(exchange, page, names, (repositories) => ({ repositories }));
}

/**
 * One more than the page holds, if there are as many. All of them are visible: the last one on a page is told as what the next
 * one comes after.
 */
async function visibleNames(
  cache: CacheClient,
  { last = '', size }: Page,
  isVisible: (name: string) => boolean,
): Promise<readonly string[]> {
  const visible: string[] = [];
  let limit = size + 1;
  for (let after = last; ;) {
    const names = await cache.listNames({ after, limit });
    visible.push(...names.filter(isVisible));
    after = names.at(-1) ?? '';
    if (visible.length > size || names.length < limit) return visible;
    limit = MAX_NAMES;
  }
}
