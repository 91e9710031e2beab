import { type BlobStore, type Digest, isDigest, type ObjectName } from '@nixery/storage';

import { RECORD_PREFIXES } from '../record-names.ts';
import { concurrently } from './concurrently.ts';
import {
  type ManifestBlob,
  MAX_MANIFEST_BYTES,
  readIfManifest,
  readManifestBlob,
  type ReadManifest,
} from './manifest-blob.ts';
import type { WorkOptions } from './progress.ts';

/** Requests to the storage at the same time. */
export const CONCURRENCY = 16;

const DIGESTS = /sha256:[0-9a-f]{64}/g;

export interface StoredBlob {
  /** Bytes. */
  readonly size: number;
  /** When it was last put (ms since the epoch). */
  readonly modifiedAt: number;
}

/** All that a storage held when it was listed, and what of it is a manifest. */
export interface Inventory {
  readonly blobs: ReadonlyMap<Digest, StoredBlob>;
  readonly manifests: ReadonlyMap<Digest, ManifestBlob>;
  /** Manifests whose content does not have their digest. */
  readonly damaged: readonly Digest[];
  /** What records that are not ours name: Nixery's, and those of other versions of this server. */
  readonly foreign: ReadonlySet<Digest>;
}

/**
 * Lists a storage and reads its manifests. Blobs are listed first: what a manifest that is found later refers to may not
 * be among them.
 *
 * @param known manifests that other sources know of; all others are found by looking at small blobs
 * @throws BlobError of a storage that fails; the signal's reason
 */
export async function takeInventory(
  store: BlobStore,
  known: Iterable<Digest>,
  { onProgress, signal }: WorkOptions,
): Promise<Inventory> {
  const blobs = new Map<Digest, StoredBlob>();
  for await (const { digest, modifiedAt, size } of store.list()) {
    signal?.throwIfAborted();
    blobs.set(digest, { size, modifiedAt: modifiedAt.getTime() });
    onProgress?.({ step: 'list', done: blobs.size });
  }

  const manifests = new Map<Digest, ManifestBlob>();
  const damaged: Digest[] = [];
  const contents = new Set<Digest>();
  let done = 0;
  async function read(digest: Digest, reader: () => Promise<ReadManifest>): Promise<void> {
    signal?.throwIfAborted();
    const manifest = await reader();
    onProgress?.({ step: 'manifests', done: (done += 1) });
    if (manifest === 'damaged') damaged.push(digest);
    if (typeof manifest === 'string') return;
    manifests.set(digest, manifest);
    if (manifest.config === null) return;
    for (const { digest: content } of manifest.references) contents.add(content);
  }
  const names = new Set([...known, ...(await recordedImages(store))]);
  const recorded = [...names].filter((digest) => blobs.has(digest));
  await concurrently(recorded, CONCURRENCY, (digest) =>
    read(digest, () => readManifestBlob(store, digest)),
  );
  // Those that no record names: images of earlier versions and of Nixery.
  const unknown = [...blobs].filter(([digest, { size }]) => {
    return size <= MAX_MANIFEST_BYTES && !names.has(digest) && !contents.has(digest);
  });
  await concurrently(unknown, CONCURRENCY, ([digest]) =>
    read(digest, () => readIfManifest(store, digest)),
  );
  return { blobs, manifests, damaged, foreign: await foreignReferences(store, signal) };
}

/** The manifests that there are records of, by the records' names. */
async function recordedImages(store: BlobStore): Promise<readonly Digest[]> {
  const found: Digest[] = [];
  for await (const { name } of store.listObjects(RECORD_PREFIXES.images)) {
    found.push(`sha256:${name.slice(RECORD_PREFIXES.images.length)}`);
  }
  return found;
}

/** Nobody here knows what such records mean; whatever they name is taken to be needed. */
async function foreignReferences(
  store: BlobStore,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<Digest>> {
  const ours = Object.values(RECORD_PREFIXES);
  const found = new Set<Digest>();
  async function read(name: ObjectName): Promise<void> {
    signal?.throwIfAborted();
    const bytes = await store.getObject(name);
    for (const [digest] of Buffer.from(bytes ?? [])
      .toString('latin1')
      .matchAll(DIGESTS)) {
      if (isDigest(digest)) found.add(digest);
    }
  }
  for (const folder of ['manifests/', 'builds/', 'images/'] as const) {
    const foreign: ObjectName[] = [];
    for await (const { name } of store.listObjects(folder)) {
      if (!ours.some((prefix) => name.startsWith(prefix))) foreign.push(name);
    }
    await concurrently(foreign, CONCURRENCY, read);
  }
  return found;
}
