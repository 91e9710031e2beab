import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { EntryTable, type ReadRow, type Row } from './entry-table.ts';
import type { CacheWarning } from './events.ts';
import type { MapStats } from './messages.ts';
import {
  layerRecordSchema,
  type Digest,
  type DropTarget,
  type LayerEntry,
  type LayerRecord,
} from './records.ts';
import { digestBytes, parseStored } from './stored.ts';

const rowSchema = z.object({ id: z.int(), key: z.string(), record: z.string() });

interface StoredLayer extends LayerEntry {
  readonly id: number;
}

export interface LayerMapOptions {
  readonly db: DatabaseSync;
  readonly bound: number;
  readonly frontSize: number;
  readonly warn: (warning: CacheWarning) => void;
}

/** The layer map: layers by key, and by the digest of their blob. They never go stale. */
export class LayerMap {
  readonly #table: EntryTable<StoredLayer>;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(options: LayerMapOptions) {
    this.#table = new EntryTable({
      ...options,
      table: 'layers',
      columns: 'id, key, record',
      read: readRow,
    });
    this.#sql = prepare(options.db);
  }

  get stats(): MapStats {
    return this.#table.stats;
  }

  /** Uses that are in memory only. */
  get unrecorded(): number {
    return this.#table.unrecorded;
  }

  /** In the order of the keys; null where there is none. */
  get(keys: readonly string[]): readonly (LayerRecord | null)[] {
    const entries = this.#table.peekAll(keys);
    return keys.map((key) => {
      const entry = entries.get(key) ?? null;
      this.#table.count(entry);
      return entry && entry.record;
    });
  }

  put(key: string, record: LayerRecord): void {
    const text = JSON.stringify(record);
    this.#table.put(
      key,
      (used) => this.#sql.save.get(key, digestBytes(record.digest), used, text),
      (id) => ({ id, key, record }),
      text.length,
    );
  }

  drop(target: DropTarget): void {
    if ('key' in target) return this.#table.drop(target.key);
    this.#table.dropped(this.#sql.deleteByDigest.all(digestBytes(target.digest)));
  }

  /** The entry that was added last of those whose blob has this digest. */
  find(digest: Digest): LayerEntry | null {
    const entry = this.#table.peekRow(this.#sql.byDigest.get(digestBytes(digest)));
    this.#table.count(entry);
    return entry && { key: entry.key, record: entry.record };
  }

  maintain(limit: number): boolean {
    return this.#table.maintain(limit);
  }
}

function readRow(row: Row): ReadRow<StoredLayer> {
  const { record: text, ...rest } = rowSchema.parse(row);
  const stored = parseStored(layerRecordSchema, text);
  if (!stored.ok) return { ok: false, key: rest.key, detail: stored.detail };
  return { ok: true, entry: { ...rest, record: stored.record }, size: text.length };
}

function prepare(db: DatabaseSync) {
  return {
    save: db.prepare(`
      INSERT INTO layers (key, digest, used, record) VALUES (?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, used = excluded.used,
        record = excluded.record
      RETURNING id, key`),
    byDigest: db.prepare('SELECT id, key FROM layers WHERE digest = ? ORDER BY id DESC LIMIT 1'),
    deleteByDigest: db.prepare('DELETE FROM layers WHERE digest = ? RETURNING id, key'),
  } satisfies Record<string, StatementSync>;
}
