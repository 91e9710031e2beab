import { Router } from 'express';

import type { Callers } from '../access/callers.ts';
import { DEFAULT_PACKAGES, MAX_PACKAGES, type PackageSearch } from './package-search.ts';

/** Where programs search, and the page as one types: `?q=…&limit=…`. */
export const PACKAGES_PATH = '/packages.json';

/** Only what whoever asks may pull is found. */
export function packageRoutes(search: PackageSearch, callers: Callers): Router {
  const router = Router({ strict: true, caseSensitive: true });
  router.get(PACKAGES_PATH, async (request, response) => {
    const { limit, q } = request.query;
    const answer = await search.search(typeof q === 'string' ? q : '', {
      limit: limitOf(limit),
      rules: callers.of(request).rules,
    });
    response.set('Cache-Control', 'no-store');
    if (answer.state === 'busy') response.status(503).set('Retry-After', '1');
    response.json(answer);
  });
  return router;
}

function limitOf(text: unknown): number {
  if (typeof text !== 'string' || !/^\d{1,6}$/.test(text)) return DEFAULT_PACKAGES;
  return Math.min(Number(text), MAX_PACKAGES);
}
