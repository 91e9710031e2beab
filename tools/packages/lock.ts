import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/**
 * Runs `action` while nobody else does in this directory, in this process or another. Node has no file locks, but SQLite
 * does, and the kernel lets go of them whatever way a process ends.
 *
 * @param onWait told once, where somebody else is at it
 */
export async function exclusively<T>(
  directory: string,
  onWait: () => void,
  action: () => Promise<T>,
): Promise<T> {
  const database = new DatabaseSync(join(directory, 'lock'));
  try {
    if (!takes(database)) {
      onWait();
      do await delay(POLL_MS);
      while (!takes(database));
    }
    return await action();
  } finally {
    database.close();
  }
}

function takes(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
