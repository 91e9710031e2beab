/** How a manifest and what it names are labelled: one image, the same blobs, two vocabularies. */
export type ManifestForm = 'oci' | 'docker';

interface MediaTypes {
  readonly manifest: string;
  readonly config: string;
  /** A gzipped layer, the only kind that both know. */
  readonly gzipLayer: string;
}

/**
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types
 */
export const MEDIA_TYPES: Readonly<Record<ManifestForm, MediaTypes>> = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    gzipLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    gzipLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};
