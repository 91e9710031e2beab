import { resolve } from 'node:path';
import type { Digest } from '../digest.ts';
import type { ByteRange } from '../range.ts';
import type { BlobStore, OpenBlob, UnsatisfiableRange } from '../store.ts';
import { listBlobs, listObjects } from './list.ts';
import { blobPath, layoutOf } from './path.ts';
import { prepareFolders } from './prepare.ts';
import { createReadBudget } from './read-budget.ts';
import { openBlob, readObject, statBlob } from './read.ts';
import { removeBlob, removeObject } from './remove.ts';
import type { WritableLayout } from './temporary.ts';
import { abortUpload, listUploads } from './uploads.ts';
import { putBlob, putObjectIfAbsent } from './write.ts';
import { currentWriter } from './writer.ts';

/** Of 1 MiB each: enough for as many clients at full speed as one thread can serve. */
const LARGE_READS = 32;

export interface FilesystemStoreOptions {
  /** The folder; made if it is missing. Several servers may share it, also over a network filesystem with hard links. */
  readonly root: string;
}

/**
 * Opens a store in a local folder, laid out as Nixery's: `layers/<sha256 hex>`, `manifests/<key>`, `builds/<key>`, and
 * `tmp/` for unfinished files. Removes what crashed writers left there.
 *
 * @throws BlobError `invalid` if `root` is not a folder; `denied`, `full` or `unavailable` if it cannot be made or
 * written. The message names the path and what to do.
 */
export async function createFilesystemStore(options: FilesystemStoreOptions): Promise<BlobStore> {
  const layout: WritableLayout = {
    ...layoutOf(resolve(options.root)),
    writer: await currentWriter(),
  };
  await prepareFolders(layout);
  const budget = createReadBudget(LARGE_READS);

  function open(digest: Digest): Promise<OpenBlob>;
  function open(
    digest: Digest,
    range: ByteRange | undefined,
  ): Promise<OpenBlob | UnsatisfiableRange>;
  function open(digest: Digest, range?: ByteRange): Promise<OpenBlob | UnsatisfiableRange> {
    return openBlob(layout, budget, digest, range);
  }

  return {
    stat: (digest) => statBlob(layout, digest),
    open,
    // Files have no place for a media type without extended attributes, which many filesystems lack.
    put: (digest, source) => putBlob(layout, digest, source),
    url: (digest) => urlOf(layout, digest),
    delete: (digest) => removeBlob(layout, digest),
    list: () => listBlobs(layout),
    getObject: (name) => readObject(layout, name),
    putObjectIfAbsent: (name, bytes) => putObjectIfAbsent(layout, name, bytes),
    deleteObject: (name) => removeObject(layout, name),
    listObjects: (prefix) => listObjects(layout, prefix),
    listUploads: () => listUploads(layout),
    abortUpload: (upload) => abortUpload(layout, upload),
  };
}

/** Nobody but this server serves its files; a malformed digest is refused all the same. */
async function urlOf(layout: WritableLayout, digest: Digest): Promise<null> {
  blobPath(layout, digest);
  return null;
}
