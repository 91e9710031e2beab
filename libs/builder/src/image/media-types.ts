/** How a manifest and what it names are labelled: one image in two vocabularies. */
export type ManifestForm = 'oci' | 'docker';

interface MediaTypes {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: {
    readonly gzip: string;
    /** Docker's vocabulary has no word for it. */
    readonly zstd?: string;
  };
}

/**
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#zstd-media-types
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types
 */
export const MEDIA_TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: {
      gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
      zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    },
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: { gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
  },
} as const satisfies Record<ManifestForm, MediaTypes>;
