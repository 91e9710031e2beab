import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { CacheError } from './errors.ts';
import type { CacheWarning } from './events.ts';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';

/** ms to wait for another process (a predecessor that is stopping) to let go of the file. */
const LOCK_WAIT_MS = 3_000;

/** SQLite keeps a database in these files. {@link https://www.sqlite.org/tempfiles.html} */
const FILE_SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** Result codes. {@link https://www.sqlite.org/rescode.html} */
const SQLITE_ERROR = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** Of rows that refer to others, and of keys: no statement breaks these while tables and indexes agree. */
const SQLITE_CONSTRAINTS: ReadonlySet<number> = new Set([787, 1555, 2067, 2579]);

/**
 * Opens the database, making it if need be. A file that is corrupt or of another version is moved aside and replaced by
 * an empty one: everything in it can be built again, and no pull may fail for it.
 *
 * @param file - a path, or `:memory:`
 * @throws CacheError `database` when the file cannot be opened or locked
 */
export function openDatabase(
  file: string,
  now: () => number,
  warn: (warning: CacheWarning) => void,
): DatabaseSync {
  try {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
    const opened = tryOpen(file);
    if (opened.db !== undefined) return opened.db;
    warn(setAside(file, opened.reason, opened.detail, now()));
    const fresh = tryOpen(file);
    if (fresh.db !== undefined) return fresh.db;
    throw new Error(`the new file is unusable: ${fresh.detail}`);
  } catch (error) {
    throw new CacheError('database', `cannot open ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Whether the file's content is damaged, rather than out of reach for now. SQLite keeps no checksums: it says so itself only
 * where its own structures are hit. Else rows are not what was written, or tables and indexes contradict each other.
 */
export function isCorruption(error: unknown): boolean {
  if (error instanceof z.ZodError) return true;
  // An integer that no number holds.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE') return true;
  const code = resultCode(error);
  if (code === null) return false;
  const primary = primaryOf(code);
  return primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB || SQLITE_CONSTRAINTS.has(code);
}

/** The same of an error met while a file is opened: a table or a column that is not there says so, too. */
export function isUnusable(error: unknown): boolean {
  const code = resultCode(error);
  return isCorruption(error) || (code !== null && primaryOf(code) === SQLITE_ERROR);
}

/** Whether `error` comes from SQLite at all. */
export function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

/** Moves the database's files to a name that says why; of one reason only the newest is kept, for the disk's sake. */
export function setAside(
  file: string,
  reason: 'corrupt' | 'version',
  detail: string,
  now: number,
): CacheWarning {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const movedTo = `${file}.${reason === 'corrupt' ? `corrupt-${stamp}` : detail}`;
  if (reason === 'corrupt') removeStartingWith(`${file}.corrupt-`);
  for (const suffix of FILE_SUFFIXES) rmSync(movedTo + suffix, { force: true });
  for (const suffix of FILE_SUFFIXES) rename(file + suffix, movedTo + suffix);
  return { type: 'database-set-aside', reason, movedTo, detail };
}

type Opened =
  | { readonly db: DatabaseSync }
  | { readonly db?: never; readonly reason: 'corrupt' | 'version'; readonly detail: string };

function tryOpen(file: string): Opened {
  const db = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
  try {
    // NORMAL: an acknowledged entry survives the death of the process; after power loss the newest may be missing, never torn.
    // No checkpoint by itself: `WriteAheadLog` sees to it. A cache (KiB) larger than the default: keys are hashes, so each put
    // touches pages all over the indexes.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cache_size = -65536;
    `);
    const version = readNumber(db, 'PRAGMA user_version');
    const tables = readNumber(db, 'SELECT count(*) FROM sqlite_schema');
    if (tables === 0) {
      db.exec(`BEGIN; ${SCHEMA} COMMIT;`);
      return { db };
    }
    if (version !== SCHEMA_VERSION) {
      db.close();
      return { reason: 'version', detail: `v${version}` };
    }
    probe(db);
    return { db };
  } catch (error) {
    if (db.isOpen) db.close();
    if (!isUnusable(error)) throw error;
    return { reason: 'corrupt', detail: messageOf(error) };
  }
}

/** Touches every table's root page, so that the plainest damage shows at start. The rest shows when it is read. */
function probe(db: DatabaseSync): void {
  db.exec(`
    SELECT key, kind, name, reference, stored_at, used, record FROM manifests LIMIT 1;
    SELECT digest, role, manifest FROM manifest_blobs LIMIT 1;
    SELECT key, digest, used, record FROM layers LIMIT 1;
    SELECT key, name, tag, used FROM tags LIMIT 1;
  `);
}

/** The first column of a query's first row. @throws ZodError when that is no number */
export function readNumber(db: DatabaseSync, sql: string): number {
  return z.number().parse(Object.values(db.prepare(sql).get() ?? {})[0]);
}

function removeStartingWith(prefix: string): void {
  const folder = dirname(prefix);
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith(basename(prefix))) rmSync(join(folder, entry), { force: true });
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** SQLite's extended result code; null of other errors. */
function resultCode(error: unknown): number | null {
  if (!isSqliteError(error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode : null;
}

/** Extended codes keep the primary one in their low byte. */
function primaryOf(code: number): number {
  return code & 0xff;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
