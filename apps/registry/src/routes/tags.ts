import { canonicalName, parseImageName } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';

import type { Exchange } from '../http/exchange.ts';
import { sendJson } from '../http/respond.ts';

const MAX_TAGS = 1_000;

/**
 * `GET /v2/<name>/tags/list`: the tags that this image was built under, and `latest`, which every image can be built under.
 */
export async function serveTags(
  cache: CacheClient,
  exchange: Exchange,
  name: string,
): Promise<void> {
  const canonical = canonicalName(parseImageName(name, 'latest'));
  const built = await cache.listTags(canonical, { limit: MAX_TAGS });
  sendJson(exchange, { name, tags: [...new Set([...built, 'latest'])].sort() });
}
