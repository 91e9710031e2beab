import type { ManifestRecord } from '@nixery/cache';
import { z } from 'zod';

import { canonicalName, type ImageRequest } from './image-name.ts';

/** A request as records keep it: enough to build the image again. */
export function describeRequest(request: ImageRequest): ManifestRecord['request'] {
  return {
    name: canonicalName(request),
    reference: request.reference,
    system: request.system,
    packages: request.packages,
  };
}

const described = z.object({
  packages: z.array(z.string()).min(1),
  system: z.enum(['x86_64-linux', 'aarch64-linux']),
  reference: z.string(),
}) satisfies z.ZodType<ImageRequest>;

/** The request that a record keeps, or null where it is none of ours. */
export function requestOf(record: ManifestRecord): ImageRequest | null {
  return described.safeParse(record.request).data ?? null;
}
