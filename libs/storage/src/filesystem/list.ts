import type { Dir } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest } from '../digest.ts';
import { isObjectKey, splitObjectPrefix, type ObjectName } from '../object-name.ts';
import type { ListedBlob, ListedObject } from '../store.ts';
import type { Layout } from './path.ts';
import { assertOnlyMissing } from './read.ts';
import { errnoOf, systemError } from './system-error.ts';

interface ListedFile {
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

export async function* listBlobs(layout: Layout): AsyncGenerator<ListedBlob> {
  for await (const { name, size, modifiedAt } of listFiles(layout, layout.layers)) {
    const digest = `sha256:${name}`;
    if (isDigest(digest)) yield { digest, size, modifiedAt };
  }
}

export async function* listObjects(
  layout: Layout,
  prefix: ObjectName,
): AsyncGenerator<ListedObject> {
  const { folder, key } = splitObjectPrefix(prefix);
  for await (const { name, size, modifiedAt } of listFiles(layout, layout.objects[folder], key)) {
    if (isObjectKey(name)) yield { name: `${folder}/${name}`, size, modifiedAt };
  }
}

async function* listFiles(layout: Layout, folder: string, prefix = ''): AsyncGenerator<ListedFile> {
  const entries = await openFolder(layout, folder);
  if (entries === null) return;
  try {
    for await (const { name } of entries) {
      if (!name.startsWith(prefix)) continue;
      const file = await statFile(folder, name);
      if (file !== null) yield file;
    }
  } catch (error) {
    throw systemError(error, `list ${folder}`);
  }
}

/** Null if the store has lost this folder, which holds nothing then; the next write makes it again. */
async function openFolder(layout: Layout, folder: string): Promise<Dir | null> {
  try {
    return await opendir(folder);
  } catch (error) {
    await assertOnlyMissing(layout, folder, error);
    return null;
  }
}

/** Null for what is not a regular file, or has been deleted since the folder was read. */
async function statFile(folder: string, name: string): Promise<ListedFile | null> {
  try {
    const stats = await stat(join(folder, name));
    return stats.isFile() ? { name, size: stats.size, modifiedAt: stats.mtime } : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
