import type { DatabaseSync } from 'node:sqlite';

import { z } from 'zod';

import { type IndexProgress, openIndex, readProgress } from './database.ts';
import type { FoundPackage } from './found-package.ts';
import { matchExpression, namesOf, type Query } from './query.ts';

/** Matches that are ranked: to rank all that a single letter finds would take long. */
const MAX_RANKED = 2_000;

/** Names that begin with what is asked for and are sorted: all of a letter's in nixpkgs, in some milliseconds. */
const MAX_SORTED = 10_000;

/** How much a match in a column counts: leaf, names, path, description. {@link https://www.sqlite.org/fts5.html#the_bm25_function} */
const WEIGHTS = '10, 6, 3, 1';

/** Comes after all names that begin with what is before it. */
const LAST = '\u{10ffff}';

const rowSchema = z.object({
  attribute: z.string(),
  image_name: z.string(),
  name: z.string(),
  version: z.string(),
  description: z.string(),
  licence: z.string(),
  program: z.string(),
  reason: z.enum(['unfree', 'broken', 'insecure', 'unsupported-system']).nullable(),
});

/** What a search finds. */
export interface Found {
  readonly packages: readonly FoundPackage[];
  /** Whether nothing has all of the words, and these have some of them. */
  readonly partial: boolean;
}

/** Finds packages in one index. */
export class IndexReader {
  readonly file: string;
  readonly #db: DatabaseSync;

  /** @throws SQLite's error of a file that is no index */
  constructor(file: string) {
    this.file = file;
    this.#db = openIndex(file);
  }

  get progress(): IndexProgress {
    return readProgress(this.#db);
  }

  /**
   * The best matches first: what is called just so, what begins so, what one of the words is the name of, then the rest by how
   * much of it matches, names before descriptions. Where nothing has all of the words, what has some.
   */
  search(query: Query, limit: number): Found {
    const { attribute, words } = query;
    const ids = new Set<number>();
    const add = (found: readonly number[]): void => {
      for (const id of found) if (ids.size < limit) ids.add(id);
    };
    for (const name of namesOf(query)) add(this.#named(name));
    if (attribute !== '' && ids.size < limit) add(this.#beginning(attribute, limit));
    if (words.length > 1 && ids.size < limit) add(this.#namedAmong(words));
    if (words.length > 0 && ids.size < limit) add(this.#matching(matchExpression(words), limit));
    const partial = ids.size === 0 && words.length > 1 && limit > 0;
    if (partial) add(this.#matching(matchExpression(words, 'OR'), limit));
    return { packages: this.#packages([...ids]), partial: partial && ids.size > 0 };
  }

  /** Those of these names that are packages, by name. */
  find(imageNames: readonly string[]): readonly FoundPackage[] {
    const ids = this.#db
      .prepare('SELECT id FROM packages WHERE image_name IN (SELECT value FROM json_each(?))')
      .all(JSON.stringify(imageNames));
    return this.#packages(idsOf(ids));
  }

  close(): void {
    this.#db.close();
  }

  #named(name: string): readonly number[] {
    // The index of programs is of those that there are, and only used where that is said.
    return ['image_name = ?', 'leaf = ?', "program = ? AND program <> ''"].flatMap((is) => {
      const sql = `SELECT id FROM packages WHERE ${is} ORDER BY length(image_name), image_name LIMIT 100`;
      return idsOf(this.#db.prepare(sql).all(name));
    });
  }

  #beginning(name: string, limit: number): readonly number[] {
    const column = name.includes('.') ? 'image_name' : 'leaf';
    const sql = `
      SELECT id FROM (SELECT id, image_name FROM packages WHERE ${column} >= ? AND ${column} < ? LIMIT ${MAX_SORTED})
      ORDER BY length(image_name), image_name LIMIT ?`;
    return idsOf(this.#db.prepare(sql).all(name, name + LAST, limit));
  }

  /** What is called one of the words just so and has the others: for `python requests`, requests before what goes with it. */
  #namedAmong(words: readonly string[]): readonly number[] {
    const sql = `
      SELECT id FROM packages WHERE leaf IN (SELECT value FROM json_each(?))
        AND EXISTS (SELECT 1 FROM words WHERE words MATCH ? AND words.rowid = packages.id)
      ORDER BY length(image_name), image_name LIMIT 100`;
    return idsOf(this.#db.prepare(sql).all(JSON.stringify(words), matchExpression(words)));
  }

  #matching(expression: string, limit: number): readonly number[] {
    const sql = `
      SELECT id FROM (
        SELECT rowid AS id, bm25(words, ${WEIGHTS}) AS score FROM words WHERE words MATCH ? LIMIT ${MAX_RANKED}
      ) ORDER BY score, id LIMIT ?`;
    return idsOf(this.#db.prepare(sql).all(expression, limit));
  }

  #packages(ids: readonly number[]): readonly FoundPackage[] {
    const rows = this.#db
      .prepare(
        `SELECT packages.* FROM json_each(?) AS wanted JOIN packages ON packages.id = wanted.value ORDER BY wanted.key`,
      )
      .all(JSON.stringify(ids));
    return z.array(rowSchema).parse(rows).map(toFound);
  }
}

const idsSchema = z.array(z.object({ id: z.number() }));

function idsOf(rows: unknown): readonly number[] {
  return idsSchema.parse(rows).map(({ id }) => id);
}

function toFound(row: z.infer<typeof rowSchema>): FoundPackage {
  const { image_name: imageName, program: mainProgram, reason, ...texts } = row;
  return { ...texts, imageName, mainProgram, available: reason === null, reason };
}
