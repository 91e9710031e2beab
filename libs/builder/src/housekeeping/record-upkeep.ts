import type { LayerRecord, ManifestRecord } from '@nixery/cache';
import type { BlobStore, Digest, ObjectName } from '@nixery/storage';
import type { z } from 'zod';

import { imageRecordName, RECORD_PREFIXES } from '../record-names.ts';
import { sharedLayerSchema, sharedManifestSchema } from '../record-schemas.ts';
import { concurrently } from './concurrently.ts';
import { CONCURRENCY } from './inventory.ts';
import type { WorkOptions } from './progress.ts';

/** A record of the second level: what it names, and what becomes of it. */
export type FoundRecord =
  | {
      readonly kind: 'image' | 'layer';
      readonly name: ObjectName;
      readonly modifiedAt: number;
      /** What it names, with the sizes that it tells (bytes). */
      readonly blobs: ReadonlyMap<Digest, number | null>;
      /** Removes it. What an image was built from stays on record by the digests of its manifests. */
      drop(): Promise<void>;
    }
  | { readonly kind: 'unreadable'; readonly name: ObjectName; drop(): Promise<void> };

/**
 * Goes through the records of images by revision and of layers, several at a time.
 *
 * @throws BlobError of a storage that fails; the signal's reason
 */
export async function eachRecord(
  store: BlobStore,
  { onProgress, signal }: WorkOptions,
  action: (record: FoundRecord) => Promise<void>,
): Promise<void> {
  let done = 0;
  const kinds = [
    [RECORD_PREFIXES.revisions, readImage],
    [RECORD_PREFIXES.layers, readLayer],
  ] as const;
  for (const [prefix, read] of kinds) {
    await concurrently(store.listObjects(prefix), CONCURRENCY, async ({ modifiedAt, name }) => {
      signal?.throwIfAborted();
      const bytes = await store.getObject(name);
      if (bytes !== null) await action(read(store, name, modifiedAt.getTime(), bytes));
      onProgress?.({ step: 'records', done: (done += 1) });
    });
  }
}

function readImage(
  store: BlobStore,
  name: ObjectName,
  modifiedAt: number,
  bytes: Uint8Array,
): FoundRecord {
  const record = parse(sharedManifestSchema, bytes);
  if (record === null) return unreadable(store, name);
  async function drop(): Promise<void> {
    // Earlier versions of this server kept no record by digest.
    for (const { digest } of formsOf(record)) {
      await store.putObjectIfAbsent(imageRecordName(digest), bytes);
    }
    await store.deleteObject(name);
  }
  return { kind: 'image', name, modifiedAt, blobs: blobsOf(record), drop };
}

function readLayer(
  store: BlobStore,
  name: ObjectName,
  modifiedAt: number,
  bytes: Uint8Array,
): FoundRecord {
  const record: LayerRecord | null = parse(sharedLayerSchema, bytes);
  if (record === null) return unreadable(store, name);
  const blobs = new Map([[record.digest, record.size]]);
  return { kind: 'layer', name, modifiedAt, blobs, drop: () => store.deleteObject(name) };
}

function unreadable(store: BlobStore, name: ObjectName): FoundRecord {
  return { kind: 'unreadable', name, drop: () => store.deleteObject(name) };
}

function blobsOf(record: ManifestRecord): ReadonlyMap<Digest, number | null> {
  const contents = [record.config, ...record.layers].map((digest) => [digest, null] as const);
  const forms = formsOf(record).map(({ digest, size }) => [digest, size] as const);
  return new Map<Digest, number | null>([...contents, ...forms]);
}

function formsOf(record: ManifestRecord | null) {
  return Object.values(record?.forms ?? {});
}

function parse<R>(schema: z.ZodType<R>, bytes: Uint8Array): R | null {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
