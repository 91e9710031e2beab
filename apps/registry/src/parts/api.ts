import { PullLog } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';

import { PackageAccess } from '../access/package-access.ts';
import { BlobLinks } from '../blob-links.ts';
import { PullCounts } from '../images/pull-counts.ts';
import { ManifestBodies } from '../manifest-bodies.ts';
import { BlobRoute } from '../routes/blobs.ts';
import { ManifestRoute } from '../routes/manifests.ts';
import { RegistryApi } from '../routes/v2.ts';
import type { Builds } from './builds.ts';
import type { Context } from './context.ts';
import { redirectsBlobs } from './storage.ts';

export interface Api {
  readonly api: RegistryApi;
  readonly packages: PackageAccess;
  readonly bodies: ManifestBodies;
  readonly pulls: PullCounts;
}

/** The distribution API, and what it notes of pulls. */
export function startApi(
  { config, logger, stops }: Context,
  {
    builder,
    cache,
    store,
  }: Pick<Builds, 'builder'> & { readonly cache: CacheClient; readonly store: BlobStore },
): Api {
  const { listsCatalog, systems } = config;
  const holdTimes = { holdMs: config.holdMs, lastHoldMs: config.lastHoldMs };
  const pullLog = new PullLog({
    store,
    onError: (err) => logger.warn({ err }, 'pulls cannot be noted now; it is tried again'),
  });
  stops.defer(() => pullLog.stop());
  const access = new PackageAccess({ builder, cache, systems });
  const bodies = new ManifestBodies(store, (digest) => {
    // Its layers are asked for next, and another server may have built it.
    builder
      .learn(digest)
      .catch((err: unknown) => logger.error({ err }, 'an image cannot be noted'));
  });
  const pulls = new PullCounts(pullLog);
  const manifests = new ManifestRoute({
    access,
    builder,
    cache,
    bodies,
    systems,
    holdTimes,
    onPull: (digest, isHead) => pulls.note(digest, isHead),
  });
  const links = redirectsBlobs(config) ? new BlobLinks(store) : undefined;
  const blobs = new BlobRoute({ access, builder, cache, store, links, holdTimes });
  const api = new RegistryApi({ access, cache, manifests, blobs, systems, listsCatalog });
  return { api, packages: access, bodies, pulls };
}
