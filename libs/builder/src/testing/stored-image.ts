import { randomBytes } from 'node:crypto';

import { type BlobStore, type Digest, digestOf } from '@nixery/storage';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

/** The digests of an image that was put without being built. */
export interface PutImage {
  readonly oci: Digest;
  readonly docker: Digest;
  readonly config: Digest;
  readonly layers: readonly Digest[];
  readonly all: readonly Digest[];
}

/** Stores a blob of its own kind, and `bytes` long. */
export async function putLayer(store: BlobStore, bytes = 1000): Promise<Digest> {
  return await putBlob(store, randomBytes(bytes));
}

/** Stores an image of these layers, as far as references go, in two forms. */
export async function putImage(store: BlobStore, layers: readonly Digest[]): Promise<PutImage> {
  const config = await putJson(store, {
    architecture: 'amd64',
    id: randomBytes(8).toString('hex'),
  });
  const described = await Promise.all([config, ...layers].map((digest) => describe(store, digest)));
  const [oci, docker] = await Promise.all(
    [OCI, DOCKER].map((mediaType) =>
      putJson(store, {
        schemaVersion: 2,
        mediaType,
        config: described[0],
        layers: described.slice(1),
      }),
    ),
  );
  if (oci === undefined || docker === undefined) throw new Error('unreachable');
  return { oci, docker, config, layers, all: [oci, docker, config, ...layers] };
}

/** Stores an index of images. */
export async function putIndex(store: BlobStore, images: readonly PutImage[]): Promise<Digest> {
  const manifests = await Promise.all(images.map(({ oci }) => describe(store, oci)));
  return await putJson(store, { schemaVersion: 2, manifests });
}

/** Those of these blobs that are there. */
export async function present(
  store: BlobStore,
  digests: readonly Digest[],
): Promise<readonly Digest[]> {
  const found = await Promise.all(digests.map((digest) => store.stat(digest)));
  return digests.filter((_, i) => found[i]?.exists);
}

async function describe(store: BlobStore, digest: Digest) {
  const status = await store.stat(digest);
  return { digest, size: status.exists ? status.size : 0 };
}

async function putJson(store: BlobStore, document: object): Promise<Digest> {
  return await putBlob(store, Buffer.from(JSON.stringify(document)));
}

async function putBlob(store: BlobStore, bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  await store.put(digest, { bytes }, 'application/octet-stream');
  return digest;
}
