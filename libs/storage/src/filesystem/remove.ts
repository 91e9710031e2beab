import { rm } from 'node:fs/promises';
import type { Digest } from '../digest.ts';
import type { ObjectName } from '../object-name.ts';
import { blobPath, objectPath, type Layout } from './path.ts';
import { systemError } from './system-error.ts';

// The folder is not synced: a removed file that a power failure brings back is whole, and does no harm.

export async function removeBlob(layout: Layout, digest: Digest): Promise<void> {
  await removeFile(blobPath(layout, digest));
}

export async function removeObject(layout: Layout, name: ObjectName): Promise<void> {
  await removeFile(objectPath(layout, name));
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw systemError(error, `remove ${path}`);
  }
}
