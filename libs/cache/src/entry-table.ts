import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import type { CacheWarning } from './events.ts';
import type { MapStats } from './messages.ts';
import { Recent } from './recent.ts';
import { transaction } from './transaction.ts';
import { UseOrder } from './use-order.ts';

/** A put adds one entry; a few more go where the bound was lowered, the rest of them in idle moments. */
const EVICT_AT_PUT = 8;

const idSchema = z.object({ id: z.int(), key: z.string() });
const idsSchema = z.array(idSchema);

export type Row = Record<string, SQLOutputValue>;

interface Identified {
  readonly id: number;
  readonly key: string;
}

/** A row read back: the entry and the length of its text, or why it no longer fits its schema. */
export type ReadRow<E> =
  | { readonly ok: true; readonly entry: E; readonly size: number }
  | { readonly ok: false; readonly key: string; readonly detail: string };

export interface EntryTableOptions<E extends Identified> {
  readonly db: DatabaseSync;
  readonly table: 'manifests' | 'layers';
  /** What `read` needs of a row. */
  readonly columns: string;
  readonly read: (row: Row) => ReadRow<E>;
  /** Entries. */
  readonly bound: number;
  /** Characters of JSON that the parsed entries kept in memory may come from. */
  readonly frontSize: number;
  /** Told the id of each entry that is replaced, or gone. */
  readonly onGone?: (id: number) => void;
  readonly warn: (warning: CacheWarning) => void;
}

/** What both maps share: a bounded table by key, parsed entries in front of it, the order of use, and counts. */
export class EntryTable<E extends Identified> {
  readonly #options: EntryTableOptions<E>;
  readonly #order: UseOrder;
  readonly #front: Recent<string, E>;
  readonly #byKey: StatementSync;
  readonly #byKeys: StatementSync;
  readonly #idOf: StatementSync;
  readonly #deleteByKey: StatementSync;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  constructor(options: EntryTableOptions<E>) {
    const { db, table } = options;
    this.#options = options;
    this.#order = new UseOrder(db, table, options.bound);
    this.#front = new Recent(options.frontSize);
    this.#byKey = db.prepare(`SELECT ${options.columns} FROM ${table} WHERE key = ?`);
    this.#byKeys = db.prepare(
      `SELECT ${options.columns} FROM ${table} WHERE key IN (SELECT value FROM json_each(?))`,
    );
    this.#idOf = db.prepare(`SELECT id, key FROM ${table} WHERE key = ?`);
    this.#deleteByKey = db.prepare(`DELETE FROM ${table} WHERE key = ? RETURNING id, key`);
  }

  get stats(): MapStats {
    return {
      entries: this.#order.entries,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    };
  }

  /** Uses that the table does not know yet. */
  get unrecorded(): number {
    return this.#order.unrecorded;
  }

  /** The entry, without counting this as a use. */
  peek(key: string): E | null {
    const known = this.#front.get(key);
    if (known !== undefined) return known;
    const row = this.#byKey.get(key);
    return row === undefined ? null : this.#parse(row, true);
  }

  /** The same of many keys, without those that have none. In one query: each takes and lets go of the file's locks. */
  peekAll(keys: readonly string[]): ReadonlyMap<string, E> {
    const entries = new Map<string, E>();
    const unread: string[] = [];
    for (const key of keys) {
      const known = this.#front.get(key);
      if (known === undefined) unread.push(key);
      else entries.set(key, known);
    }
    const rows = unread.length === 0 ? [] : this.#byKeys.all(JSON.stringify(unread));
    for (const row of rows) {
      const entry = this.#parse(row, true);
      if (entry !== null) entries.set(entry.key, entry);
    }
    return entries;
  }

  /** The entry whose `id` and `key` a query found, without counting this as a use. */
  peekRow(row: Row | undefined): E | null {
    return row === undefined ? null : this.peek(idSchema.parse(row).key);
  }

  /** Counts a hit and a use, or a miss. */
  count(entry: Pick<Identified, 'id'> | null): void {
    if (entry === null) {
      this.#misses += 1;
      return;
    }
    this.#hits += 1;
    this.#order.use(entry.id);
  }

  /**
   * Writes an entry in one transaction, then makes room for it.
   *
   * @param save - runs the statement that inserts or replaces the row, which answers `id` and `key`
   * @param more - what else belongs to the transaction
   */
  put(
    key: string,
    save: (used: number) => Row | undefined,
    toEntry: (id: number) => E,
    size: number,
    more?: (id: number) => void,
  ): void {
    const used = this.#order.next();
    const { id, isNew } = transaction(this.#options.db, () => {
      const isNew = this.#idOf.get(key) === undefined;
      const { id } = idSchema.parse(save(used));
      more?.(id);
      return { id, isNew };
    });
    this.#order.written(id, isNew);
    if (!isNew) this.#options.onGone?.(id);
    this.#front.set(key, toEntry(id), size);
    this.#evict(EVICT_AT_PUT);
  }

  drop(key: string): void {
    this.dropped(this.#deleteByKey.all(key));
  }

  /** To be told which rows a statement has deleted, as `id` and `key`. */
  dropped(rows: readonly Row[]): void {
    for (const { id, key } of idsSchema.parse(rows)) {
      this.#forget(id, key);
      this.#order.removed(id);
    }
  }

  /** The entries in rows of a listing, which do not displace what is in use from memory. */
  parse(rows: readonly Row[]): readonly E[] {
    return rows.map((row) => this.#parse(row, false)).filter((entry) => entry !== null);
  }

  /** Does a slice of what reads and a lowered bound left to do. @returns whether more is left */
  maintain(limit: number): boolean {
    this.#order.flush(limit);
    this.#evict(limit);
    return this.unrecorded > 0 || this.#order.excess > 0;
  }

  #evict(limit: number): void {
    const victims = this.#order.evict(limit);
    for (const [id, key] of victims) this.#forget(id, key);
    this.#evictions += victims.size;
  }

  #forget(id: number, key: string): void {
    this.#front.delete(key);
    this.#options.onGone?.(id);
  }

  /** Reads a row; one that does not fit its schema is deleted, reported, and counts as absent. */
  #parse(row: Row, remember: boolean): E | null {
    const read = this.#options.read(row);
    if (!read.ok) {
      const { table, warn } = this.#options;
      this.drop(read.key);
      warn({ type: 'record-dropped', map: table, key: read.key, detail: read.detail });
      return null;
    }
    if (remember) this.#front.set(read.entry.key, read.entry, read.size);
    return read.entry;
  }
}
