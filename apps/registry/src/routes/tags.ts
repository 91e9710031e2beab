import { canonicalName, parsePullRequest, type System } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';

import type { Exchange } from '../http/exchange.ts';
import { parsePage, sendPage } from '../http/page.ts';

/** The one tag that every image can be built under. */
const ALWAYS = 'latest';

/**
 * `GET /v2/<name>/tags/list`: the tags that this image was pulled by, and `latest`, in lexical order.
 * {@link https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags}
 *
 * @param systems the platforms of a name that names none
 * @throws BuildError, HttpError, CacheError
 */
export async function serveTags(
  { cache, systems }: { readonly cache: CacheClient; readonly systems: readonly System[] },
  exchange: Exchange,
  name: string,
): Promise<void> {
  const canonical = canonicalName(parsePullRequest(name, ALWAYS, systems));
  const page = parsePage(exchange.query);
  const { last = '', size } = page;
  const built = await cache.listTags(canonical, { after: last, limit: size + 1 });
  const known = ALWAYS > last ? [...built, ALWAYS] : built;
  sendPage(exchange, page, [...new Set(known)].sort(), (tags) => ({ name, tags }));
}
