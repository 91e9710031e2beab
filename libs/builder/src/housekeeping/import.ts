import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import {
  BlobError,
  type BlobReader,
  type BlobStore,
  type Digest,
  type ListedBlob,
  type ObjectName,
} from '@nixery/storage';

import { RECORD_PREFIXES } from '../record-names.ts';
import { type Amount, amountOf } from './amount.ts';
import { concurrently } from './concurrently.ts';
import { mediaTypeOf } from './media-type.ts';
import type { WorkOptions } from './progress.ts';

/** Blobs on their way at the same time. */
const COPIES = 4;

/** Records first that others rest on: servers look for an image's blobs before they believe its record in any case. */
const COPIED_RECORDS = [
  RECORD_PREFIXES.images,
  RECORD_PREFIXES.contents,
  RECORD_PREFIXES.layers,
  RECORD_PREFIXES.revisions,
  RECORD_PREFIXES.pulls,
] as const;

export interface ImportOptions extends WorkOptions {
  /** Is only read. */
  readonly from: BlobReader;
  readonly store: BlobStore;
  /** Whether to copy; otherwise the report tells what would be. */
  readonly copy: boolean;
  /** A folder for blobs on their way, best on the disk of a filesystem storage. */
  readonly spoolDir: string;
  /** Told of each blob whose content does not have its digest: it is not copied. */
  readonly onDamaged: (digest: Digest) => void;
}

export interface ImportReport {
  readonly copied: boolean;
  /** What was copied, or would be. */
  readonly blobs: Amount;
  /** What was here already. */
  readonly present: Amount;
  readonly damaged: number;
  /** Records of images, layers and pulls that were copied, or would be. Nixery's are left: they describe other tars. */
  readonly records: number;
}

/**
 * Brings the blobs of another storage into this one, of Nixery's or of another server's, each read against its digest, and
 * the records of servers such as this one.
 *
 * @throws BlobError of a storage that fails; the signal's reason. What is copied stays, and is not copied again.
 */
export async function importStorage(options: ImportOptions): Promise<ImportReport> {
  const { copy, from, onDamaged, onProgress, signal, store } = options;
  const copied: ListedBlob[] = [];
  const present: ListedBlob[] = [];
  let damaged = 0;
  await concurrently(from.list(), COPIES, async (blob) => {
    signal?.throwIfAborted();
    const status = await store.stat(blob.digest);
    if (status.exists && status.size === blob.size) {
      present.push(blob);
    } else if (!copy || (await copyBlob(options, blob.digest))) {
      copied.push(blob);
    } else {
      damaged += 1;
      onDamaged(blob.digest);
    }
    onProgress?.({ step: 'copy', done: copied.length + present.length + damaged });
  });
  const records = await copyRecords(options);
  return { copied: copy, blobs: amountOf(copied), present: amountOf(present), damaged, records };
}

/** @returns false where the content does not have the digest, or is gone */
async function copyBlob(
  { from, signal, spoolDir, store }: ImportOptions,
  digest: Digest,
): Promise<boolean> {
  const spoolFile = join(spoolDir, randomUUID());
  const hash = createHash('sha256');
  const start: Buffer[] = [];
  let size = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      if (size < 64 * 1024) start.push(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    const { body } = await from.open(digest);
    await pipeline(body, hashing, createWriteStream(spoolFile, { flags: 'wx' }), {
      ...(signal && { signal }),
    });
    if (`sha256:${hash.digest('hex')}` !== digest) return false;
    const mediaType = mediaTypeOf(Buffer.concat(start));
    await store.put(digest, { file: spoolFile, move: true, verified: { size } }, mediaType);
    return true;
  } catch (error) {
    if (error instanceof BlobError && ['not-found', 'corrupt'].includes(error.code)) return false;
    throw error;
  } finally {
    await rm(spoolFile, { force: true });
  }
}

async function copyRecords({ copy, from, signal, store }: ImportOptions): Promise<number> {
  let count = 0;
  async function copyRecord(name: ObjectName): Promise<void> {
    signal?.throwIfAborted();
    const bytes = await from.getObject(name);
    if (bytes === null) return;
    if (copy) {
      const { created } = await store.putObjectIfAbsent(name, bytes);
      if (!created) return;
    } else if ((await store.getObject(name)) !== null) {
      return;
    }
    count += 1;
  }
  for (const prefix of COPIED_RECORDS) {
    await concurrently(from.listObjects(prefix), COPIES, ({ name }) => copyRecord(name));
  }
  return count;
}
