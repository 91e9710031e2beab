import type { StateDir } from '@nixery/builder';

import { DETOURS } from '../access/detours.ts';
import { logIndexEvent } from '../events.ts';
import { PackageSearch } from '../search/package-search.ts';
import type { Builds } from './builds.ts';
import { type Context, threadErrorTo } from './context.ts';

/** How often it is asked whether the package set is another: not more and not less often than this (ms). */
const INTERVAL_MS = { least: 600_000, most: 24 * 60 * 60 * 1000 } as const;

/** The search for packages, which is still to be started; undefined where there is none. */
export function createSearch(
  { config, logger, stops }: Context,
  { builder, state }: Pick<Builds, 'builder'> & { readonly state: StateDir },
): PackageSearch | undefined {
  if (!config.search || config.page === 'off') return undefined;
  const search = new PackageSearch({
    dir: state.search,
    packageSet: builder.packageSet,
    system: config.systems[0] ?? 'x86_64-linux',
    allow: config.allow,
    sets: config.searchSets,
    // They are all packages once more.
    closed: DETOURS,
    env: process.env,
    intervalMs: Math.min(Math.max(config.recencyMs, INTERVAL_MS.least), INTERVAL_MS.most),
    isBusy: () => builder.load.builds > 0,
    onEvent: (event) => logIndexEvent(logger, event),
    onError: threadErrorTo(logger),
  });
  stops.defer(() => search.stop());
  return search;
}
