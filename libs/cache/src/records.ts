import { z } from 'zod';

/**
 * A content digest, limited to the one algorithm this registry produces.
 * {@link https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests}
 */
export const digestSchema = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
export type Digest = z.infer<typeof digestSchema>;

/** The map's keys are opaque here: callers hash canonical JSON. */
export const keySchema = z.string().min(1).max(512);

const bytes = z.int().nonnegative();

/** {@link https://github.com/opencontainers/image-spec/blob/main/descriptor.md} */
const descriptorSchema = z
  .object({ digest: digestSchema, size: bytes, mediaType: z.string().min(1) })
  .readonly();

const formsSchema = z
  .object({ oci: descriptorSchema.exactOptional(), docker: descriptorSchema.exactOptional() })
  .readonly()
  .refine((forms) => Object.keys(forms).length > 0, 'an image has at least one form');

/**
 * What was asked for, as the caller wrote it. Opaque but for the two fields that tag lists are made of; the rest must survive JSON.
 */
const requestSchema = z
  .looseObject({ name: z.string().min(1), reference: z.string().min(1) })
  .readonly();

/** One image, or an index of images, with all its representations; their bodies live in storage, by digest. */
export const manifestRecordSchema = z
  .object({
    forms: formsSchema,
    request: requestSchema,
    /** The commit the package source was at, or null for a source without commits. */
    revision: z.string().min(1).nullable(),
    /** ms since the epoch. For people: freshness is measured from the put, see `freshness.ts`. */
    builtAt: z.int(),
    /** The image config's digest; of an index, that of its first image. */
    config: digestSchema,
    /** The layers' digests, lowest first; of an index, those of all its images. */
    layers: z.array(digestSchema).readonly(),
    /** Of an index: its images' manifests, in all their forms, and configs. */
    children: z.array(digestSchema).readonly().exactOptional(),
  })
  .readonly();

const storePathSchema = z
  .object({ path: z.string().min(1), narHash: z.string().min(1) })
  .readonly();

/** One layer: enough to compose manifests from it, and to pack it again. */
export const layerRecordSchema = z
  .object({
    digest: digestSchema,
    /**
     * Of the uncompressed tar.
     * {@link https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid}
     */
    diffId: digestSchema,
    /** Bytes, compressed. */
    size: bytes,
    mediaType: z.string().min(1),
    paths: z.array(storePathSchema).readonly(),
  })
  .readonly();

export type Descriptor = z.infer<typeof descriptorSchema>;
export type ManifestRecord = z.infer<typeof manifestRecordSchema>;
export type LayerRecord = z.infer<typeof layerRecordSchema>;

/**
 * Whether an entry ages. `moving`: stands for something that changes (a branch, a path), fresh for the recency threshold.
 * `pinned`: stands for a commit, never goes stale.
 */
export const manifestKinds = ['moving', 'pinned'] as const;
export type ManifestKind = (typeof manifestKinds)[number];

/** A manifest entry as it is kept, with its key. */
export interface ManifestEntry {
  readonly key: string;
  readonly kind: ManifestKind;
  /** ms since the epoch: when it was put, so also when its reference was last resolved. */
  readonly storedAt: number;
  readonly record: ManifestRecord;
}

/** An image that a blob is part of. */
export interface BlobHolder {
  /** The name of its request. */
  readonly name: string;
  /** Where a listing goes on. Entries have greater ones the later they came. */
  readonly position: number;
}

/** What serving an image needs of its record: a small part. */
export type ManifestForms = Pick<ManifestRecord, 'forms'>;

/** How old an entry is, and whether it may still be served. */
export interface Freshness {
  /** ms since it was put, never negative. */
  readonly ageMs: number;
  /** ms for which it counts as fresh; null: always. A refresh is due from some part of it on. */
  readonly maxAgeMs: number | null;
  /** False only when stale hits were asked for. */
  readonly fresh: boolean;
}

/** What a look-up by key finds. */
export interface ManifestHit extends Freshness {
  readonly kind: ManifestKind;
  readonly record: ManifestRecord;
}

/** What whoever serves an image keeps of it, to ask again whether it holds. */
export interface KnownForms {
  /** Another one wherever the record may be another, also once the actor has started anew. */
  readonly version: number;
  readonly record: ManifestForms;
}

/** What a look-up of the forms alone finds. */
export interface FormsHit extends KnownForms, Freshness {}

/** A layer entry as it is kept, with its key. */
export interface LayerEntry {
  readonly key: string;
  readonly record: LayerRecord;
}

/** What to drop: one entry by its key, or every entry that a blob with this digest is part of. */
export type DropTarget = { readonly key: string } | { readonly digest: Digest };

/**
 * Where a listing goes on. Order: name, reference, key, each by its UTF-8 bytes. Without `key`, after every entry of that
 * name and reference.
 */
export interface ListCursor {
  readonly name: string;
  readonly reference: string;
  readonly key?: string;
}
