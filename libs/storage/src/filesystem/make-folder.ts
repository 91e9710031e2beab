import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './system-error.ts';

/**
 * Makes a folder and those above it that are missing. Node's own recursive `mkdir` never ends where a folder that is there
 * takes no others and calls that ENOENT, as below `/proc`.
 *
 * @param mode of the folders that are made; default 0o777, less the umask
 * @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await makeOne(path, mode);
    return;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const parent = dirname(path);
  if (!(await isThere(parent))) await makeFolder(parent, mode);
  // Also where the parent was there: somebody else may have made it since the first try.
  await makeOne(path, mode);
}

/** Makes a folder in one that is there, or finds it made. */
async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
