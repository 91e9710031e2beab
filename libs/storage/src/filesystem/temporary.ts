import { link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Layout } from './path.ts';
import { errnoOf } from './system-error.ts';
import { hasWriterEnded, temporaryName, type Writer } from './writer.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A layout, and who writes into it. */
export interface WritableLayout extends Layout {
  readonly writer: Writer;
}

/**
 * Runs `use` with a temporary file of its own, opened for writing, and removes the file unless `use` has renamed it.
 * Anything that goes wrong leaves no file behind; a crash leaves one that the next start removes.
 */
export async function withTemporaryFile<T>(
  layout: WritableLayout,
  use: (handle: FileHandle, path: string) => Promise<T>,
): Promise<T> {
  await makeFolder(layout.temporary);
  const path = join(layout.temporary, temporaryName(layout.writer));
  const handle = await open(path, 'wx');
  try {
    return await use(handle, path);
  } finally {
    try {
      await handle.close();
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** Gives a file whose content is complete and synced its final name, replacing what has it; durable once it resolves. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Like {@link renameDurably}, but never replaces: false if the name is taken. The temporary name stays. */
export async function linkDurably(from: string, to: string): Promise<boolean> {
  await makeFolder(dirname(to));
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  await syncFolder(dirname(to));
  return true;
}

/** Makes one of the store's folders (someone may have emptied the root), but never the root: it may be an unmounted disk. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Removes what crashes have left: files of writers that have ended, and of unknown ones (another host's) after a day.
 *
 * @param nowMs - the time by the clock of the filesystem, which may be another machine's.
 */
export async function sweepTemporaryFiles(layout: WritableLayout, nowMs: number): Promise<void> {
  for (const name of await readdir(layout.temporary)) {
    const path = join(layout.temporary, name);
    try {
      const { mtimeMs } = await stat(path);
      const stale = nowMs - mtimeMs > DAY_MS || (await hasWriterEnded(name, layout.writer));
      // Folders are those of an import that was killed.
      if (stale) await rm(path, { recursive: true, force: true });
    } catch (error) {
      // Finished or swept by another server meanwhile, or another user's to remove.
      if (!['ENOENT', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network filesystems sync folders by themselves, and refuse to be asked (fsync(2)).
    if (errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}
