import { access, constants, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobError } from '../error.ts';
import { makeFolder } from './make-folder.ts';
import { errnoOf, systemError } from './system-error.ts';
import { sweepTemporaryFiles, withTemporaryFile, type WritableLayout } from './temporary.ts';
import { temporaryName } from './writer.ts';

/**
 * Makes a store's folders, tries what every write will need, and removes what crashed writers have left.
 *
 * @throws BlobError naming the folder and what to do.
 */
export async function prepareFolders(layout: WritableLayout): Promise<void> {
  const { root, layers, objects, temporary } = layout;
  for (const folder of [root, layers, ...Object.values(objects), temporary]) {
    await usable(folder, async () => {
      await makeFolder(folder);
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    });
  }
  await usable(temporary, async () => {
    await sweepTemporaryFiles(layout, await probe(layout));
  });
}

/** Does once what every write needs, hard links included; answers the time by the filesystem's clock, in ms. */
async function probe(layout: WritableLayout): Promise<number> {
  return await withTemporaryFile(layout, async (handle, path) => {
    const linked = join(layout.temporary, temporaryName(layout.writer));
    await link(path, linked);
    await rm(linked);
    await handle.sync();
    return (await handle.stat()).mtimeMs;
  });
}

async function usable(folder: string, attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    throw unusable(error, folder);
  }
}

function unusable(error: unknown, folder: string): BlobError {
  const errno = errnoOf(error);
  if (errno === 'EEXIST' || errno === 'ENOTDIR') {
    return new BlobError(
      'invalid',
      `Cannot use the storage folder ${folder}: a file is in its way; remove that, or choose another folder`,
      { cause: error },
    );
  }
  const { code, message } = systemError(error, `use the storage folder ${folder}`);
  return new BlobError(code, `${message}; ${remedy(code)}, or choose another folder`, {
    cause: error,
  });
}

function remedy(code: BlobError['code']): string {
  switch (code) {
    case 'full':
      return 'free some space';
    case 'denied':
      return `let user id ${process.getuid?.() ?? 'of this server'} create, link and remove files there`;
    default:
      return 'check the disk or the mount';
  }
}
