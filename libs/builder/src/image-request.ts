import type { ManifestRecord } from '@nixery/cache';
import { z } from 'zod';

import {
  canonicalName,
  type ImageRequest,
  type IndexRequest,
  isIndexRequest,
  type PullRequest,
} from './image-name.ts';

/** A request as records keep it: enough to build the image again. */
export function describeRequest(request: PullRequest): ManifestRecord['request'] {
  return {
    name: canonicalName(request),
    reference: request.reference,
    ...(isIndexRequest(request) ? { systems: request.systems } : { system: request.system }),
    packages: request.packages,
  };
}

const system = z.enum(['x86_64-linux', 'aarch64-linux']);
const shared = { packages: z.array(z.string()).min(1), reference: z.string() };
const described = z.union([
  z.object({ ...shared, system }) satisfies z.ZodType<ImageRequest>,
  z.object({ ...shared, systems: z.tuple([system], system) }) satisfies z.ZodType<IndexRequest>,
]);

/** The request that a record keeps, or null where it is none of ours. */
export function requestOf(record: ManifestRecord): PullRequest | null {
  return described.safeParse(record.request).data ?? null;
}
