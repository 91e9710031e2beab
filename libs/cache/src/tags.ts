import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { UseOrder } from './use-order.ts';

/** A note adds one tag; a few more go where the bound was lowered, the rest of them in idle moments. */
const EVICT_AT_NOTE = 8;

const idSchema = z.object({ id: z.int() });
const idsSchema = z.array(idSchema);
const countSchema = z.object({ count: z.int() });
const tagsSchema = z.array(z.object({ tag: z.string() }));

export interface TagMapOptions {
  readonly db: DatabaseSync;
  /** Tags of all names together. */
  readonly bound: number;
  /** Tags of one name. */
  readonly boundOfName: number;
}

/**
 * The tags that each name is known under. Beside the manifests, since where tags do not choose the package set one entry
 * stands for all of them. Beyond the bounds those go that were noted longest ago.
 */
export class TagMap {
  readonly #boundOfName: number;
  readonly #order: UseOrder;
  readonly #sql: ReturnType<typeof prepare>;

  constructor({ bound, boundOfName, db }: TagMapOptions) {
    this.#boundOfName = boundOfName;
    this.#order = new UseOrder(db, 'tags', bound);
    this.#sql = prepare(db);
  }

  /** Uses that are in memory only. */
  get unrecorded(): number {
    return this.#order.unrecorded;
  }

  /** Keeps a tag; one that is known counts as used, which writes nothing now. */
  note(name: string, tag: string): void {
    const known = this.#sql.idOf.get(name, tag);
    if (known !== undefined) {
      this.#order.use(idSchema.parse(known).id);
      return;
    }
    this.#makeRoom(name);
    const { id } = idSchema.parse(this.#sql.save.get(name, tag, this.#order.next()));
    this.#order.written(id, true);
    this.#order.evict(EVICT_AT_NOTE);
  }

  /** The tags of a name, in the order of their UTF-8 bytes. */
  list(name: string, after: string | null, limit: number): readonly string[] {
    return tagsSchema.parse(this.#sql.listed.all(name, after ?? '', limit)).map(({ tag }) => tag);
  }

  /** Does a slice of what notes and a lowered bound left to do. @returns whether more is left */
  maintain(limit: number): boolean {
    this.#order.flush(limit);
    this.#order.evict(limit);
    return this.unrecorded > 0 || this.#order.excess > 0;
  }

  /** Lets the tags of a name go that are too many for one more. */
  #makeRoom(name: string): void {
    const { count } = countSchema.parse(this.#sql.count.get(name));
    const excess = count - this.#boundOfName + 1;
    if (excess <= 0) return;
    // The table tells which are the oldest once it knows all uses.
    this.#order.flush(this.#order.unrecorded);
    for (const { id } of idsSchema.parse(this.#sql.deleteOldest.all(name, excess))) {
      this.#order.removed(id);
    }
  }
}

function prepare(db: DatabaseSync) {
  return {
    idOf: db.prepare('SELECT id FROM tags WHERE name = ? AND tag = ?'),
    save: db.prepare('INSERT INTO tags (name, tag, used) VALUES (?, ?, ?) RETURNING id'),
    count: db.prepare('SELECT count(*) AS count FROM tags WHERE name = ?'),
    deleteOldest: db.prepare(`
      DELETE FROM tags WHERE id IN (SELECT id FROM tags WHERE name = ? ORDER BY used LIMIT ?)
      RETURNING id`),
    listed: db.prepare('SELECT tag FROM tags WHERE name = ? AND tag > ? ORDER BY tag LIMIT ?'),
  } satisfies Record<string, StatementSync>;
}
