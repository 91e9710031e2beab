import type { Sha256Digest } from '../layer/types.ts';
import type { Architecture } from './config.ts';
import { type JsonDocument, toJsonDocument } from './json.ts';
import { type ManifestForm, MEDIA_TYPES } from './media-types.ts';

/** One platform's manifest. */
export interface PlatformManifest {
  readonly architecture: Architecture;
  readonly digest: Sha256Digest;
  /** In bytes. */
  readonly size: number;
}

/**
 * The index of an image's platforms in one of its forms, in the order given:
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list-field-descriptions
 */
export function composeIndex(
  form: ManifestForm,
  manifests: readonly PlatformManifest[],
): JsonDocument {
  const mediaTypes = MEDIA_TYPES[form];
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: manifests.map(({ architecture, digest, size }) => ({
      mediaType: mediaTypes.manifest,
      digest,
      size,
      platform: { architecture, os: 'linux' },
    })),
  };
  return toJsonDocument(index, mediaTypes.index);
}
