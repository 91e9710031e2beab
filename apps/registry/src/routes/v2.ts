import type { IncomingMessage, ServerResponse } from 'node:http';

import { parseComponents } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';

import { httpErrors } from '../http/errors.ts';
import { sendJson } from '../http/respond.ts';
import { parseRoute } from '../http/route.ts';
import type { BlobRoute } from './blobs.ts';
import type { ManifestRoute } from './manifests.ts';
import { serveTags } from './tags.ts';

export interface RegistryApiOptions {
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

  /** @param url the request's path and query, as sent */
  async serve(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (request.method !== 'GET' && request.method !== 'HEAD') throw httpErrors.readOnly();

    const { blobs, cache, manifests } = this.#options;
    const queryAt = url.indexOf('?');
    const path = queryAt === -1 ? url : url.slice(0, queryAt);
    const query = new URLSearchParams(queryAt === -1 ? '' : url.slice(queryAt));
    const route = parseRoute(path);
    switch (route.kind) {
      case 'base':
        sendJson(response, {});
        return;
      case 'manifest':
        await manifests.serve(request, response, { ...route, query });
        return;
      case 'blob':
        parseComponents(route.name);
        await blobs.serve(request, response, { ...route, query });
        return;
      case 'tags':
        await serveTags(cache, response, route.name);
        return;
      case 'unknown':
        throw httpErrors.routeUnknown();
    }
  }
}
