import { parseComponents } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';

import { httpErrors } from '../http/errors.ts';
import type { Caller } from '../access/caller.ts';
import type { PackageAccess } from '../access/package-access.ts';
import type { Exchange } from '../http/exchange.ts';
import { sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import type { BlobRoute } from './blobs.ts';
import type { ManifestRoute } from './manifests.ts';
import { serveTags } from './tags.ts';

export interface RegistryApiOptions {
  readonly access: PackageAccess;
  readonly cache: CacheClient;
  readonly blobs: BlobRoute;
  readonly manifests: ManifestRoute;
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

    const { access, blobs, cache, manifests } = this.#options;
    switch (route.kind) {
      case 'base':
        sendJson(exchange, {});
        return;
      case 'manifest':
        await manifests.serve(exchange, route, caller);
        return;
      case 'blob':
        parseComponents(route.name);
        await blobs.serve(exchange, route, caller);
        return;
      case 'tags':
        access.requireName(caller, route.name);
        await serveTags(cache, exchange, route.name);
        return;
      case 'unknown':
        throw httpErrors.routeUnknown();
    }
  }
}
