import type { Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import { assertObjectSize, type ObjectName } from '../object-name.ts';
import { resolveRange, type ByteRange } from '../range.ts';
import type {
  BlobSource,
  BlobStatus,
  BlobStore,
  ListedBlob,
  ListedObject,
  OpenBlob,
  UnfinishedUpload,
  UnsatisfiableRange,
} from '../store.ts';
import type { Bucket, ListedKey } from './bucket.ts';
import { withContent, type Content } from './content.ts';
import { BLOBS, blobKey, digestOfKey, objectKeyPrefix, objectNameOfKey } from './key.ts';
import { createObjects } from './objects.ts';
import { openBlob } from './open.ts';
import { retry } from './retry.ts';
import type { Tuning } from './tuning.ts';

/**
 * A blob that is put again is made new only if it is older than this, in ms: collection spares what was put within a
 * day, and one request per known blob of every build would be a waste.
 */
const FRESH_MS = 60 * 60_000;

/** The one implementation of a store over buckets; what differs between them is in {@link Bucket}. */
export function createBucketStore(bucket: Bucket, tuning: Tuning): BlobStore {
  function attempt<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return retry(tuning, tuning.deadlineMs, call);
  }

  async function stat(digest: Digest): Promise<BlobStatus> {
    const key = blobKey(digest);
    const object = await attempt((signal) => bucket.stat(key, signal));
    if (object === null) return { exists: false };
    return { exists: true, size: object.size, modifiedAt: object.modifiedAt };
  }

  function open(digest: Digest): Promise<OpenBlob>;
  function open(
    digest: Digest,
    range: ByteRange | undefined,
  ): Promise<OpenBlob | UnsatisfiableRange>;
  async function open(digest: Digest, range?: ByteRange): Promise<OpenBlob | UnsatisfiableRange> {
    const key = blobKey(digest);
    // Throws for a range that makes no sense, which servers ignore (RFC 9110, section 14.2).
    if (range !== undefined) resolveRange(range, Number.MAX_SAFE_INTEGER);
    return await openBlob(bucket, tuning, key, range);
  }

  async function put(digest: Digest, source: BlobSource, mediaType: string): Promise<void> {
    const key = blobKey(digest);
    await withContent(digest, source, (content) =>
      retry(tuning, tuning.uploadDeadlineMs, (signal) =>
        store(bucket, key, content, mediaType, signal),
      ),
    );
  }

  async function* listKeys(prefix: string): AsyncGenerator<ListedKey> {
    let page: string | undefined;
    do {
      const current = page;
      const { objects, next } = await attempt((signal) => bucket.list(prefix, current, signal));
      yield* objects;
      page = next;
    } while (page !== undefined);
  }

  async function* list(): AsyncGenerator<ListedBlob> {
    for await (const { key, size, modifiedAt } of listKeys(BLOBS)) {
      const digest = digestOfKey(key);
      if (digest !== null) yield { digest, size, modifiedAt };
    }
  }

  async function* listObjects(prefix: ObjectName): AsyncGenerator<ListedObject> {
    for await (const { key, size, modifiedAt } of listKeys(objectKeyPrefix(prefix))) {
      const name = objectNameOfKey(key, prefix);
      if (name !== null) yield { name, size, modifiedAt };
    }
  }

  async function* listUploads(): AsyncGenerator<UnfinishedUpload> {
    let page: string | undefined;
    do {
      const current = page;
      const { uploads, next } = await attempt((signal) =>
        bucket.listUploads(BLOBS, current, signal),
      );
      yield* uploads;
      page = next;
    } while (page !== undefined);
  }

  const objects = createObjects(bucket, tuning);
  return {
    stat,
    open,
    put,
    url: async (digest) => await bucket.url(blobKey(digest)),
    delete: async (digest) => {
      const key = blobKey(digest);
      await attempt((signal) => bucket.remove(key, signal));
    },
    list,
    getObject: objects.get,
    putObjectIfAbsent: async (name, bytes) => {
      assertObjectSize(name, bytes);
      return await objects.putIfAbsent(name, bytes);
    },
    deleteObject: objects.remove,
    listObjects,
    listUploads,
    abortUpload: async (upload) => {
      await attempt((signal) => bucket.abortUpload(upload, signal));
    },
  };
}

/**
 * One attempt at storing content that is known to have the digest which `key` names. What is there already is kept:
 * the bucket vouches for its bytes, and another replica may be serving them. Only an object of another size, which
 * cannot have the digest, is replaced.
 */
async function store(
  bucket: Bucket,
  key: string,
  content: Content,
  mediaType: string,
  signal: AbortSignal,
): Promise<void> {
  const existing = await bucket.stat(key, signal);
  if (existing !== null && existing.size === content.size) {
    const age = Date.now() - existing.modifiedAt.getTime();
    if (age > FRESH_MS) await bucket.touch(key, existing, mediaType, signal);
    return;
  }
  const replaces = existing ?? undefined;
  if (await bucket.create(key, content, { mediaType, replaces }, signal)) return;
  const winner = await bucket.stat(key, signal);
  if (winner?.size === content.size) return;
  throw new BlobError('unavailable', `${bucket.name}/${key} changes while it is put`);
}
