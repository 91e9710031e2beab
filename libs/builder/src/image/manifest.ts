import type { Sha256Digest } from '../layer/types.ts';
import { toJsonDocument, type JsonDocument } from './json.ts';
import { MEDIA_TYPES, type ManifestForm } from './media-types.ts';

/** A blob by what it is named by. */
export interface BlobReference {
  readonly digest: Sha256Digest;
  /** In bytes. */
  readonly size: number;
}

export interface LayerReference extends BlobReference {
  /** OCI's word for it. */
  readonly mediaType: string;
}

export interface ManifestInput {
  readonly config: BlobReference;
  /** The lowest first. */
  readonly layers: readonly LayerReference[];
}

/** The forms that an image of these layers can have: Docker's knows gzip alone. */
export function possibleForms(layers: readonly LayerReference[]): readonly ManifestForm[] {
  const isGzip = layers.every(({ mediaType }) => mediaType === MEDIA_TYPES.oci.layer.gzip);
  return isGzip ? ['oci', 'docker'] : ['oci'];
}

/**
 * The image manifest in one of its {@link possibleForms}:
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#image-manifest-field-descriptions
 */
export function composeManifest(
  form: ManifestForm,
  { config, layers }: ManifestInput,
): JsonDocument {
  const mediaTypes = MEDIA_TYPES[form];
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: describe(config, mediaTypes.config),
    layers: layers.map((layer) =>
      describe(layer, form === 'docker' ? MEDIA_TYPES.docker.layer.gzip : layer.mediaType),
    ),
  };
  return toJsonDocument(manifest, mediaTypes.manifest);
}

function describe({ digest, size }: BlobReference, mediaType: string) {
  return { mediaType, digest, size };
}
