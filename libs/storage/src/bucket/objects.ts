import { BlobError } from '../error.ts';
import { OBJECT_MAX_BYTES, type ObjectName } from '../object-name.ts';
import type { ObjectPut } from '../store.ts';
import { chunksOf } from './body.ts';
import type { Bucket } from './bucket.ts';
import { contentOf } from './content.ts';
import { objectKey } from './key.ts';
import { untilAnswered } from './link.ts';
import { retry } from './retry.ts';
import type { Tuning } from './tuning.ts';

/** The records of replicas; not for clients. */
const MEDIA_TYPE = 'application/octet-stream';

export interface Objects {
  readonly get: (name: ObjectName) => Promise<Uint8Array | null>;
  readonly putIfAbsent: (name: ObjectName, bytes: Uint8Array) => Promise<ObjectPut>;
  readonly remove: (name: ObjectName) => Promise<void>;
}

/** Named objects in a bucket. */
export function createObjects(bucket: Bucket, tuning: Tuning): Objects {
  /** The last put of each name under way: see {@link putIfAbsent}. */
  const puts = new Map<string, Promise<unknown>>();

  async function get(name: ObjectName): Promise<Uint8Array | null> {
    const key = objectKey(name);
    return await retry(tuning, tuning.deadlineMs, (signal) => read(bucket, tuning, key, signal));
  }

  /**
   * Puts of one name by this process take turns. Buckets that refuse to overwrite need no turns; with those that
   * cannot (S3-compatible servers without conditional writes), at least the callers in one process agree.
   */
  async function putIfAbsent(name: ObjectName, bytes: Uint8Array): Promise<ObjectPut> {
    const key = objectKey(name);
    const earlier = puts.get(key) ?? Promise.resolve();
    const putting = earlier.then(
      () => create(key, bytes),
      () => create(key, bytes),
    );
    puts.set(key, putting);
    try {
      return await putting;
    } finally {
      if (puts.get(key) === putting) puts.delete(key);
    }
  }

  function create(key: string, bytes: Uint8Array): Promise<ObjectPut> {
    return retry<ObjectPut>(tuning, tuning.deadlineMs, async (signal) => {
      const existing = await read(bucket, tuning, key, signal);
      if (existing !== null) return { created: false, bytes: existing };
      const created = await bucket.create(key, contentOf(bytes), { mediaType: MEDIA_TYPE }, signal);
      if (created) return { created: true };
      const winner = await read(bucket, tuning, key, signal);
      if (winner !== null) return { created: false, bytes: winner };
      throw new BlobError('unavailable', `${bucket.name}/${key} is created and deleted at once`);
    });
  }

  async function remove(name: ObjectName): Promise<void> {
    const key = objectKey(name);
    await retry(tuning, tuning.deadlineMs, (signal) => bucket.remove(key, signal));
  }

  return { get, putIfAbsent, remove };
}

async function read(
  bucket: Bucket,
  tuning: Tuning,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const name = `${bucket.name}/${key}`;
  const opened = await untilAnswered(signal, tuning.idleMs, (linked) =>
    bucket.open(key, undefined, undefined, linked),
  );
  if (!opened.found) return null;
  if (!opened.satisfiable) throw new BlobError('unavailable', `${name} is not readable`);
  const { body, size, matches } = opened;
  try {
    if (size > OBJECT_MAX_BYTES) {
      throw new BlobError(
        'corrupt',
        `${name} has ${size} bytes, more than a named object can have`,
      );
    }
    const chunks = chunksOf(body, tuning.idleMs, name);
    const pieces: Buffer[] = [];
    let received = 0;
    for (let piece = await chunks.next(); piece !== null; piece = await chunks.next()) {
      pieces.push(piece);
      received += piece.length;
      if (received > size) break;
    }
    if (received !== size) {
      throw new BlobError('unavailable', `${name} came with ${received} bytes instead of ${size}`);
    }
    const bytes = Buffer.concat(pieces);
    if (!matches(bytes)) throw new BlobError('unavailable', `${name} does not match its checksum`);
    return bytes;
  } finally {
    body.destroy();
  }
}
