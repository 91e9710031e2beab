/**
 * Moving the write-ahead log's content into the database, in two steps, because only the first may go on beside changes.
 * {@link https://www.sqlite.org/wal.html#ckpt}
 */
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { SCHEMA_VERSION } from './schema.ts';

/** ms that emptying waits for a look-up under way to end. */
const READER_WAIT_MS = 3_000;

/** Each pass leaves what was added meanwhile, so the second has little to do, and the third next to nothing. */
const PASSES = 3;

const outcomeSchema = z.object({ busy: z.int(), log: z.int(), checkpointed: z.int() });

/**
 * A connection for nothing but the steps below.
 *
 * @throws SQLite's error when there is no such file: a database that was just set aside is not made again
 */
export function openForCheckpoint(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  url.searchParams.set('mode', 'rw');
  const db = new DatabaseSync(url, { timeout: READER_WAIT_MS });
  db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
  return db;
}

/** Copies the log into the database and syncs both files, while others read and write. */
export function copyLog(db: DatabaseSync): void {
  for (let pass = 0; pass < PASSES; pass += 1) {
    const { log, checkpointed } = checkpoint(db, 'PASSIVE');
    if (log === checkpointed) return;
  }
}

/**
 * Copies the rest and makes the log start anew; nobody may write meanwhile.
 *
 * The first write to a new log syncs its header, which whoever makes that write waits for. So this makes one, which changes
 * nothing.
 *
 * @throws Error when a reader did not let go in time; SQLite's error when the disk cannot do it
 */
export function emptyLog(db: DatabaseSync): void {
  if (checkpoint(db, 'TRUNCATE').busy !== 0) throw new Error('the log is in use');
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

function checkpoint(db: DatabaseSync, mode: 'PASSIVE' | 'TRUNCATE') {
  return outcomeSchema.parse(db.prepare(`PRAGMA wal_checkpoint(${mode})`).get());
}
