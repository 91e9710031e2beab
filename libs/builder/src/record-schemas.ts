import type { LayerRecord, ManifestRecord } from '@nixery/cache';
import { z } from 'zod';

/**
 * The records that servers share through their storage, in the form that `v1` in an object's name stands for. Whoever can
 * write the bucket can write these, and other versions of this server do: a change of form takes a new version.
 */
const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const bytes = z.int().nonnegative();
const descriptor = z.object({ digest, size: bytes, mediaType: z.string().min(1).max(256) });

const image = z.object({
  forms: z
    .object({ oci: descriptor.exactOptional(), docker: descriptor.exactOptional() })
    .refine((forms) => Object.keys(forms).length > 0, 'an image has at least one form'),
  request: z.looseObject({ name: z.string().min(1), reference: z.string().min(1) }),
  revision: z.string().min(1).nullable(),
  builtAt: z.int(),
  config: digest,
  layers: z.array(digest).max(1_000),
  /** Of an index. */
  children: z.array(digest).max(100).exactOptional(),
});

/** An image by the digest of one of its manifests. */
export const imageRecordSchema: z.ZodType<ManifestRecord> = image;

/** An image by revision key: there is a revision. */
export const sharedManifestSchema: z.ZodType<ManifestRecord> = image.extend({
  revision: z.string().min(1),
});

export const sharedLayerSchema: z.ZodType<LayerRecord> = z.object({
  digest,
  diffId: digest,
  size: bytes,
  mediaType: z.string().min(1).max(256),
  paths: z.array(z.object({ path: z.string().min(1), narHash: z.string().min(1) })),
});
