import type { DatabaseSync, StatementSync } from 'node:sqlite';

import type { ListedAttribute } from '@nixery/builder';
import { z } from 'zod';

import { imageNameOf, reachableNames } from './attribute-names.ts';
import { type IndexProgress, openIndexToWrite, readProgress, transaction } from './database.ts';
import { oneLine, termsOf } from './terms.ts';

/** Bounds of one index. */
export interface IndexLimits {
  /** Attributes of the package set; more are left out. */
  readonly attributes: number;
  /** Of the file, about (bytes); what would come after that is left out. */
  readonly bytes: number;
}

/** Attributes looked at in one go, to begin with and at most. */
const FIRST_BATCH = 128;
const MAX_BATCH = 1_024;
/** Of their paths as JSON (characters): they travel as one argument, which the kernel bounds to 128 KiB. */
const MAX_BATCH_TEXT = 64 * 1024;

/** Batches that take longer are made smaller, ones that take less than half as long larger (ms). */
const BATCH_MS = 10_000;

/** Characters kept of each text. */
const MAX_NAME = 120;
const MAX_DESCRIPTION = 300;

const FIND_PENDING = 'SELECT id, path FROM pending ORDER BY id LIMIT ?';
const pendingSchema = z.array(z.object({ id: z.number(), path: z.string() }));
const pathSchema = z.array(z.string());

type ListedPackage = Extract<ListedAttribute, { readonly status: 'package' }>;

/** Attributes that are looked at in one go. */
export interface Batch {
  readonly ids: readonly number[];
  readonly paths: readonly (readonly string[])[];
}

/** Makes an index, batch by batch. Each is on disk with the cursor behind it, or not at all. */
export class IndexWriter {
  readonly #db: DatabaseSync;
  readonly #limits: IndexLimits;
  readonly #closed: ReadonlySet<string>;
  readonly #insert: { readonly package: StatementSync; readonly words: StatementSync };
  readonly #push: StatementSync;

  /**
   * @param closed names at the top that are not looked at
   * @throws SQLite's error of a file that is no index
   */
  constructor(
    file: string,
    options: {
      readonly commit: string | null;
      readonly limits: IndexLimits;
      readonly closed: readonly string[];
    },
  ) {
    this.#limits = options.limits;
    this.#closed = new Set(options.closed);
    this.#db = openIndexToWrite(file, { commit: options.commit, firstBatch: FIRST_BATCH });
    this.#insert = {
      package: this.#db.prepare(
        `INSERT INTO packages (image_name, leaf, attribute, name, version, description, licence, program, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ),
      words: this.#db.prepare(
        'INSERT INTO words (rowid, leaf, names, path, description) VALUES (?, ?, ?, ?, ?)',
      ),
    };
    this.#push = this.#db.prepare('INSERT INTO pending (path) VALUES (?)');
  }

  get progress(): IndexProgress {
    return readProgress(this.#db);
  }

  /** What to look at next; nothing once all has been. */
  next(): Batch {
    const { batch, suspect } = this.progress;
    const rows = pendingSchema.parse(this.#db.prepare(FIND_PENDING).all(batch));
    // One of a batch that failed is to blame; half of them tell in which half it is.
    const suspects = suspect === null ? [] : rows.filter(({ id }) => id <= suspect);
    const count = suspects.length === 0 ? rows.length : Math.ceil(suspects.length / 2);
    const chosen: typeof rows = [];
    let text = 0;
    for (const row of rows.slice(0, count)) {
      text += row.path.length + 1;
      if (text > MAX_BATCH_TEXT && chosen.length > 0) break;
      chosen.push(row);
    }
    return {
      ids: chosen.map(({ id }) => id),
      paths: chosen.map(({ path }) => pathSchema.parse(JSON.parse(path))),
    };
  }

  /** Takes in what Nix said of a batch. */
  add(batch: Batch, entries: readonly ListedAttribute[], tookMs: number): void {
    transaction(this.#db, () => {
      const progress = this.progress;
      const counts = { packages: 0, listed: 0, leftOut: 0 };
      for (const [i, path] of batch.paths.entries()) {
        const entry = entries[i];
        if (entry?.status === 'package' && this.#addPackage(path, entry)) counts.packages += 1;
        if (entry?.status !== 'set') continue;
        const names = this.#namesIn(path, entry.names);
        const room = this.#room(progress.listed + counts.listed);
        for (const name of names.slice(0, room)) this.#push.run(JSON.stringify([...path, name]));
        counts.listed += Math.min(room, names.length);
        counts.leftOut += Math.max(0, names.length - room);
      }
      this.#db
        .prepare(
          'UPDATE progress SET packages = packages + ?, listed = listed + ?, left_out = left_out + ?',
        )
        .run(counts.packages, counts.listed, counts.leftOut);
      this.#drop(batch);
      const { suspect } = progress;
      const isCleared = suspect !== null && (batch.ids.at(-1) ?? 0) >= suspect;
      this.#aim(nextBatch(progress.batch, batch.ids.length, tookMs), isCleared ? null : suspect);
    });
  }

  /** Notes that Nix gave up on a batch. A single attribute is passed over; of several, fewer are next. */
  fail(batch: Batch): void {
    transaction(this.#db, () => {
      const { batch: size } = this.progress;
      if (batch.ids.length > 1) {
        this.#aim(size, batch.ids.at(-1) ?? null);
        return;
      }
      this.#drop(batch);
      this.#db.exec('UPDATE progress SET skipped = skipped + 1');
      this.#aim(Math.ceil(size / 2), null);
    });
  }

  /** To be called when there is nothing to look at any more: makes the index compact. */
  finish(): void {
    this.#db.exec("INSERT INTO words (words) VALUES ('optimize')");
    this.#db.prepare('UPDATE progress SET done_at = ?').run(Date.now());
    this.#db.exec('PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#db.close();
  }

  /** Whether it is new: two paths may be one to image names. */
  #addPackage(path: readonly string[], entry: ListedPackage): boolean {
    const name = oneLine(entry.name, MAX_NAME);
    const mainProgram = oneLine(entry.mainProgram, MAX_NAME);
    const description = oneLine(entry.description, MAX_DESCRIPTION);
    const { changes, lastInsertRowid } = this.#insert.package.run(
      imageNameOf(path),
      imageNameOf(path.slice(-1)),
      path.join('.'),
      name,
      oneLine(entry.version, MAX_NAME),
      description,
      oneLine(entry.licences.join(', '), MAX_DESCRIPTION),
      mainProgram,
      entry.reason,
    );
    if (changes === 0) return false;
    const terms = termsOf(path, { name, mainProgram });
    this.#insert.words.run(lastInsertRowid, terms.leaf, terms.names, terms.path, description);
    return true;
  }

  #namesIn(path: readonly string[], names: readonly string[]): readonly string[] {
    const reachable = reachableNames(path, names);
    return path.length > 0 ? reachable : reachable.filter((name) => !this.#closed.has(name));
  }

  /** How many more attributes fit. */
  #room(listed: number): number {
    const bytes = readNumber(this.#db, 'page_count') * readNumber(this.#db, 'page_size');
    return bytes > this.#limits.bytes ? 0 : Math.max(0, this.#limits.attributes - listed);
  }

  #drop({ ids, paths }: Batch): void {
    const drop = this.#db.prepare('DELETE FROM pending WHERE id = ?');
    for (const id of ids) drop.run(id);
    // The package set itself is none of its attributes.
    const examined = paths.filter((path) => path.length > 0).length;
    this.#db.prepare('UPDATE progress SET examined = examined + ?').run(examined);
  }

  #aim(batch: number, suspect: number | null): void {
    this.#db.prepare('UPDATE progress SET batch = ?, suspect = ?').run(batch, suspect);
  }
}

function readNumber(db: DatabaseSync, pragma: 'page_count' | 'page_size'): number {
  return z.number().parse(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}

function nextBatch(batch: number, count: number, tookMs: number): number {
  if (tookMs > BATCH_MS) return Math.max(1, Math.floor(count / 2));
  if (tookMs > BATCH_MS / 2) return batch;
  return Math.min(MAX_BATCH, batch * 2);
}
