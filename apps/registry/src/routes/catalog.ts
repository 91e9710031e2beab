import type { CacheClient } from '@nixery/cache';

import type { Exchange } from '../http/exchange.ts';
import { parsePage, sendPage } from '../http/page.ts';

/**
 * `GET /v2/_catalog`: the names of images that have been built, each in its shortest spelling, in lexical order. Any other
 * name can be pulled just as well.
 * {@link https://distribution.github.io/distribution/spec/api/#listing-repositories}
 *
 * @param isVisible whether whoever asks may have the image of a name; a page with others is shorter
 * @throws HttpError, CacheError
 */
export async function serveCatalog(
  cache: CacheClient,
  exchange: Exchange,
  isVisible: (name: string) => boolean,
): Promise<void> {
  const page = parsePage(exchange.query);
  const { last = '', size } = page;
  const names = await cache.listNames({ after: last, limit: size + 1 });
  sendPage(exchange, page, names, (shown) => ({
    repositories: shown.filter(isVisible),
  }));
}
