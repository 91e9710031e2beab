import type { BucketPeer } from '@nixery/storage/testing';

/** The settings of a server that stores in this bucket, reached at `origin`. */
export function bucketSettings(
  peer: BucketPeer,
  origin: string = peer.origin,
): Readonly<Record<string, string | undefined>> {
  return {
    NIXERY_STORAGE_BACKEND: peer.kind,
    [peer.kind === 'gcs' ? 'GCS_BUCKET' : 'S3_BUCKET']: peer.bucket,
    STORAGE_PATH: undefined,
    ...peer.env(origin),
  };
}
