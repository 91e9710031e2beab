import type { System } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';

import { httpErrors } from '../http/errors.ts';
import type { Caller } from '../access/caller.ts';
import type { PackageAccess } from '../access/package-access.ts';
import type { Exchange } from '../http/exchange.ts';
import { sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import type { BlobRoute } from './blobs.ts';
import { serveCatalog } from './catalog.ts';
import type { ManifestRoute } from './manifests.ts';
import { serveReferrers } from './referrers.ts';
import { serveTags } from './tags.ts';

export interface RegistryApiOptions {
  readonly access: PackageAccess;
  readonly cache: CacheClient;
  readonly blobs: BlobRoute;
  readonly manifests: ManifestRoute;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
  /** Whether everybody may know what has been built here. */
  readonly listsCatalog: boolean;
}

/** The OCI distribution API: everything under `/v2/`. */
export class RegistryApi {
  readonly #options: RegistryApiOptions;

  constructor(options: RegistryApiOptions) {
    this.#options = options;
  }

  async serve(exchange: Exchange, route: Route, caller: Caller): Promise<void> {
    const { method } = exchange.request;
    if (method !== 'GET' && method !== 'HEAD') throw httpErrors.readOnly();

    const { access, blobs, cache, listsCatalog, manifests, systems } = this.#options;
    switch (route.kind) {
      case 'base':
        sendJson(exchange, {});
        return;
      case 'manifest':
        await manifests.serve(exchange, route, caller);
        return;
      case 'blob':
        access.requireName(caller, route.name);
        await blobs.serve(exchange, route, caller);
        return;
      case 'tags':
        access.requireName(caller, route.name);
        await serveTags({ cache, systems }, exchange, route.name);
        return;
      case 'referrers':
        access.requireName(caller, route.name);
        serveReferrers(exchange, route.digest);
        return;
      case 'catalog':
        if (!listsCatalog) throw httpErrors.catalogOff();
        await serveCatalog(cache, exchange, (name) => access.allowsName(caller, name));
        return;
      case 'unknown':
        throw httpErrors.routeUnknown();
    }
  }
}
