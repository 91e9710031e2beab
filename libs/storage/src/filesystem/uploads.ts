import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobError } from '../error.ts';
import type { UnfinishedUpload } from '../store.ts';
import type { Layout } from './path.ts';
import { assertOnlyMissing } from './read.ts';
import { errnoOf, systemError } from './system-error.ts';

/** What lies in the folder of unfinished files: files, and folders of those who fetch before they put. */
export async function* listUploads(layout: Layout): AsyncGenerator<UnfinishedUpload> {
  for (const id of await namesIn(layout)) {
    const found = await measure(join(layout.temporary, id));
    if (found !== null) yield { name: `tmp/${id}`, id, ...found };
  }
}

/** @throws BlobError `invalid` for what is no name of a file. */
export async function abortUpload(layout: Layout, { id }: UnfinishedUpload): Promise<void> {
  if (id === '' || id === '.' || id === '..' || id.includes('/')) {
    throw new BlobError('invalid', `Not an unfinished file: ${JSON.stringify(id)}`);
  }
  const path = join(layout.temporary, id);
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw systemError(error, `remove ${path}`);
  }
}

async function namesIn(layout: Layout): Promise<readonly string[]> {
  try {
    return await readdir(layout.temporary);
  } catch (error) {
    await assertOnlyMissing(layout, layout.temporary, error);
    return [];
  }
}

/** What it takes and when it was last written to; null if it has gone since. */
async function measure(path: string): Promise<Pick<UnfinishedUpload, 'size' | 'startedAt'> | null> {
  try {
    const stats = await stat(path);
    if (!stats.isDirectory()) return { size: stats.size, startedAt: stats.mtime };
    let size = 0;
    let latestMs = stats.mtimeMs;
    for (const name of await readdir(path)) {
      const inner = await measure(join(path, name));
      size += inner?.size ?? 0;
      latestMs = Math.max(latestMs, inner?.startedAt.getTime() ?? 0);
    }
    return { size, startedAt: new Date(latestMs) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw systemError(error, `look at ${path}`);
  }
}
