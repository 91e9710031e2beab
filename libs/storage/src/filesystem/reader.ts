import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import type { ByteRange } from '../range.ts';
import type {
  BlobLister,
  BlobOpener,
  ObjectStore,
  OpenBlob,
  UnsatisfiableRange,
} from '../store.ts';
import { listBlobs, listObjects } from './list.ts';
import { layoutOf } from './path.ts';
import { createReadBudget } from './read-budget.ts';
import { openBlob, readObject } from './read.ts';
import { errnoOf, systemError } from './system-error.ts';

/** What can be done with a store without changing it. */
export type BlobReader = BlobLister & BlobOpener & Pick<ObjectStore, 'getObject' | 'listObjects'>;

/**
 * Opens a folder that is laid out as a store's (Nixery's, or another server's), to read it and nothing else.
 *
 * @throws BlobError `invalid` if `root` is not a folder, `denied` or `unavailable` if it cannot be read.
 */
export async function openFilesystemReader(root: string): Promise<BlobReader> {
  const layout = layoutOf(resolve(root));
  const budget = createReadBudget(1);
  if (!(await isFolder(layout.root))) {
    throw new BlobError('invalid', `${layout.root} is not a folder that images are stored in`);
  }

  function open(digest: Digest): Promise<OpenBlob>;
  function open(
    digest: Digest,
    range: ByteRange | undefined,
  ): Promise<OpenBlob | UnsatisfiableRange>;
  function open(digest: Digest, range?: ByteRange): Promise<OpenBlob | UnsatisfiableRange> {
    return openBlob(layout, budget, digest, range);
  }

  return {
    open,
    list: () => listBlobs(layout),
    getObject: (name) => readObject(layout, name),
    listObjects: (prefix) => listObjects(layout, prefix),
  };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw systemError(error, `read ${path}`);
  }
}
