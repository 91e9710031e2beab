import { DatabaseSync } from 'node:sqlite';

import { z } from 'zod';

/** Part of what an index is called: one of another version is none. */
export const INDEX_VERSION = 1;

/** ms to wait for another connection's write. */
const BUSY_MS = 3_000;

/**
 * One file an index. `progress` has one row. `pending` holds the attribute paths that are to be looked at, in their order: it is
 * the cursor, and changes in one transaction with what was found. `words` keeps no text, only where words are, and which of them begin how: the longer the beginnings it knows, the fewer words a query has to go through.
 */
const SCHEMA = `
  CREATE TABLE progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    commit_hash TEXT,
    begun_at INTEGER NOT NULL,
    done_at INTEGER,
    packages INTEGER NOT NULL DEFAULT 0,
    examined INTEGER NOT NULL DEFAULT 0,
    listed INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    left_out INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL,
    suspect INTEGER
  ) STRICT;

  CREATE TABLE pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL
  ) STRICT;

  CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    image_name TEXT NOT NULL UNIQUE,
    leaf TEXT NOT NULL,
    attribute TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    licence TEXT NOT NULL,
    program TEXT NOT NULL,
    reason TEXT
  ) STRICT;
  CREATE INDEX packages_leaf ON packages (leaf, image_name);
  CREATE INDEX packages_program ON packages (program) WHERE program <> '';

  CREATE VIRTUAL TABLE words USING fts5 (
    leaf, names, path, description,
    content = '', prefix = '1 2 3 4 5', tokenize = 'unicode61 remove_diacritics 2'
  );
`;

const progressSchema = z.object({
  commit_hash: z.string().nullable(),
  begun_at: z.number(),
  done_at: z.number().nullable(),
  packages: z.number(),
  examined: z.number(),
  listed: z.number(),
  skipped: z.number(),
  left_out: z.number(),
  batch: z.number(),
  suspect: z.number().nullable(),
});

/** How far an index is. */
export type IndexProgress = z.infer<typeof progressSchema>;

/** Opens an index to read it. @throws the system's error, or SQLite's, of a file that is no index */
export function openIndex(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  db.exec('PRAGMA cache_size = -16384');
  return db;
}

/**
 * Opens an index to go on with it, or begins it with the package set itself as the only thing to look at.
 *
 * @param firstBatch how many attributes to look at in one go, to begin with
 */
export function openIndexToWrite(
  file: string,
  { commit, firstBatch }: { readonly commit: string | null; readonly firstBatch: number },
): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  // An index that is lost in a power failure is made again.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384');
  const tables = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'progress'").get();
  if (tables === undefined) {
    db.exec(`BEGIN; ${SCHEMA}`);
    db.prepare(
      'INSERT INTO progress (id, commit_hash, begun_at, listed, batch) VALUES (1, ?, ?, 0, ?)',
    ).run(commit, Date.now(), firstBatch);
    db.exec(`INSERT INTO pending (path) VALUES ('[]'); COMMIT`);
  }
  return db;
}

export function readProgress(db: DatabaseSync): IndexProgress {
  return progressSchema.parse(db.prepare('SELECT * FROM progress').get());
}

/** Does all or nothing. */
export function transaction(db: DatabaseSync, action: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    action();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Primary result codes of a file that is damaged, or of something else. {@link https://www.sqlite.org/rescode.html} */
const DAMAGE: ReadonlySet<unknown> = new Set([1, 11, 26]);

/** Whether an index has to be made again, rather than asked again. */
export function isDamage(error: unknown): error is Error {
  if (error instanceof z.ZodError) return true;
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  // Extended codes keep the primary one in their low byte.
  return typeof error.errcode === 'number' && DAMAGE.has(error.errcode & 0xff);
}
