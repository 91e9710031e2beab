import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { readNumber } from './database.ts';
import { transaction } from './transaction.ts';

const victimSchema = z.object({ id: z.int(), key: z.string(), used: z.int() });

/**
 * Which entries of one table were used last, and which go when it is full.
 *
 * Reads never write: a use is noted in memory and reaches the table with the next `flush`, so the death of the process
 * costs only the order of the last moments. Times are ticks of a counter that goes on where the table left off.
 */
export class UseOrder {
  readonly #db: DatabaseSync;
  readonly #bound: number;
  readonly #oldest: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  /** Uses that the table does not know yet, by row id. */
  readonly #noted = new Map<number, number>();
  #tick: number;
  #entries: number;

  constructor(db: DatabaseSync, table: 'manifests' | 'layers' | 'tags', bound: number) {
    this.#db = db;
    this.#bound = bound;
    this.#oldest = db.prepare(`SELECT id, key, used FROM ${table} ORDER BY used LIMIT 1`);
    this.#update = db.prepare(`UPDATE ${table} SET used = ? WHERE id = ?`);
    this.#delete = db.prepare(`DELETE FROM ${table} WHERE id = ?`);
    this.#tick = readNumber(db, `SELECT coalesce(max(used), 0) FROM ${table}`);
    this.#entries = readNumber(db, `SELECT count(*) FROM ${table}`);
  }

  get entries(): number {
    return this.#entries;
  }

  /** How many entries are above the bound. */
  get excess(): number {
    return Math.max(0, this.#entries - this.#bound);
  }

  /** Uses not yet in the table. */
  get unrecorded(): number {
    return this.#noted.size;
  }

  /** A time later than all before, for a row that is being written. */
  next(): number {
    this.#tick += 1;
    return this.#tick;
  }

  use(id: number): void {
    this.#noted.set(id, this.next());
  }

  /** To be told once a row is durably written with a time of `next`. */
  written(id: number, isNew: boolean): void {
    this.#noted.delete(id);
    if (isNew) this.#entries += 1;
  }

  /** To be told once a row is durably gone. */
  removed(id: number): void {
    this.#noted.delete(id);
    this.#entries -= 1;
  }

  /** Writes up to `limit` noted uses, oldest note first. */
  flush(limit: number): void {
    const batch = [...this.#noted.entries().take(limit)];
    if (batch.length === 0) return;
    transaction(this.#db, () => {
      for (const [id, used] of batch) this.#update.run(used, id);
    });
    for (const [id] of batch) this.#noted.delete(id);
  }

  /**
   * Deletes the least recently used rows while there are more than the bound, `limit` at most.
   *
   * The table's oldest row is the true one unless a newer use of it is noted: that is then written, and the search goes on.
   *
   * @returns the ids and keys that went
   */
  evict(limit: number): ReadonlyMap<number, string> {
    const excess = Math.min(this.excess, limit);
    const victims = new Map<number, string>();
    if (excess === 0) return victims;
    const refreshed = new Set<number>();
    transaction(this.#db, () => {
      while (victims.size < excess) {
        const row = victimSchema.parse(this.#oldest.get());
        const noted = this.#noted.get(row.id);
        if (noted === undefined || refreshed.has(row.id)) {
          this.#delete.run(row.id);
          victims.set(row.id, row.key);
        } else {
          this.#update.run(noted, row.id);
          refreshed.add(row.id);
        }
      }
    });
    for (const id of refreshed) this.#noted.delete(id);
    for (const id of victims.keys()) this.removed(id);
    return victims;
  }
}
