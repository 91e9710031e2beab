import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { EntryTable, type ReadRow, type Row } from './entry-table.ts';
import type { CacheWarning } from './events.ts';
import { freshness } from './freshness.ts';
import type { BlobRole, MapStats } from './messages.ts';
import {
  manifestKinds,
  manifestRecordSchema,
  type BlobHolder,
  type Digest,
  type DropTarget,
  type FormsHit,
  type Freshness,
  type ListCursor,
  type ManifestEntry,
  type ManifestHit,
  type ManifestKind,
  type ManifestRecord,
} from './records.ts';
import { digestBytes, parseStored } from './stored.ts';
import { Versions } from './versions.ts';

const COLUMNS = 'id, key, kind, stored_at, record';
const rowSchema = z.object({
  id: z.int(),
  key: z.string(),
  // A kind that is none of these ages, to be on the safe side.
  kind: z.enum(manifestKinds).catch('moving'),
  stored_at: z.int(),
  record: z.string(),
});
const holdersSchema = z.array(z.object({ name: z.string(), position: z.int() }));
const namesSchema = z.array(z.object({ name: z.string() }));

/** SQLite orders blobs after texts, so this comes after all keys. {@link https://www.sqlite.org/datatype3.html#sort_order} */
const AFTER_ALL_KEYS = new Uint8Array();

interface StoredManifest extends ManifestEntry {
  readonly id: number;
}

interface HoldersQuery {
  readonly digest: Digest;
  readonly role: BlobRole;
  /** Null: from the last one on. */
  readonly before: number | null;
  readonly limit: number;
}

export interface ManifestMapOptions {
  readonly db: DatabaseSync;
  readonly bound: number;
  readonly frontSize: number;
  /** ms for which a moving entry is fresh. */
  readonly recencyMs: number;
  readonly now: () => number;
  /** Another number each time, greater than all before. */
  readonly nextVersion: () => number;
  readonly warn: (warning: CacheWarning) => void;
}

/** The manifest map: images by key, and by the digests of their blobs. */
export class ManifestMap {
  readonly #table: EntryTable<StoredManifest>;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #recencyMs: number;
  readonly #now: () => number;
  readonly #versions: Versions;

  constructor(options: ManifestMapOptions) {
    const { db, bound, frontSize, warn } = options;
    this.#table = new EntryTable({
      db,
      bound,
      frontSize,
      warn,
      table: 'manifests',
      columns: COLUMNS,
      read: readRow,
      onGone: (id) => this.#versions.forget(id),
    });
    this.#sql = prepare(db);
    this.#recencyMs = options.recencyMs;
    this.#now = options.now;
    this.#versions = new Versions(options.nextVersion);
  }

  get stats(): MapStats {
    return this.#table.stats;
  }

  /** Uses that are in memory only. */
  get unrecorded(): number {
    return this.#table.unrecorded;
  }

  /** The entry; a stale one only where allowed. */
  get(key: string, allowStale: boolean): ManifestHit | null {
    const found = this.#look(key, allowStale);
    return found && { kind: found.entry.kind, record: found.entry.record, ...found.age };
  }

  /** The same without most of the record. */
  forms(key: string, allowStale: boolean): FormsHit | null {
    const found = this.#look(key, allowStale);
    if (found === null) return null;
    const { age, entry } = found;
    const { forms } = entry.record;
    return { version: this.#versions.tell(entry), record: { forms }, ...age };
  }

  /** How old what was told under this version is, if it still holds and is fresh. If not, this is no miss: it is asked for by its key next. */
  still(version: number): Freshness | null {
    const stamp = this.#versions.find(version);
    const age = stamp && freshness(stamp, this.#now(), this.#recencyMs);
    if (stamp === undefined || age?.fresh !== true) return null;
    this.#table.count(stamp);
    return age;
  }

  put(key: string, kind: ManifestKind, record: ManifestRecord): void {
    const { name, reference } = record.request;
    const storedAt = this.#now();
    const text = JSON.stringify(record);
    this.#table.put(
      key,
      (used) => this.#sql.save.get(key, kind, name, reference, storedAt, used, text),
      (id) => ({ id, key, kind, storedAt, record }),
      text.length,
      (id) => {
        this.#sql.deleteBlobs.run(id);
        for (const [digest, role] of blobsOf(record)) {
          this.#sql.saveBlob.run(digestBytes(digest), role, id);
        }
      },
    );
  }

  drop(target: DropTarget): void {
    if ('key' in target) return this.#table.drop(target.key);
    this.#table.dropped(this.#sql.deleteByDigest.all(digestBytes(target.digest)));
  }

  /** The entry that was added last of those with this blob in this role, however old. */
  find(digest: Digest, role: BlobRole): ManifestEntry | null {
    const entry = this.#table.peekRow(this.#sql.byDigest.get(digestBytes(digest), role));
    this.#table.count(entry);
    return entry && toEntry(entry);
  }

  /** A page of all entries, or of those of one name, fresh or not. */
  list(name: string | null, after: ListCursor | null, limit: number): readonly ManifestEntry[] {
    const from = { name: '', reference: '', key: AFTER_ALL_KEYS, ...after };
    const rows =
      name === null
        ? this.#sql.listed.all(from.name, from.reference, from.key, limit)
        : this.#sql.listedOf.all(name, from.reference, from.key, limit);
    return this.#table.parse(rows).map(toEntry);
  }

  /** The images with this blob in this role, those that came last first. */
  holders({ before, digest, limit, role }: HoldersQuery): readonly BlobHolder[] {
    const from = before ?? Number.MAX_SAFE_INTEGER;
    return holdersSchema.parse(this.#sql.holders.all(digestBytes(digest), role, from, limit));
  }

  /** The names under which entries are known, each once, in order. */
  names(after: string | null, limit: number): readonly string[] {
    const rows = this.#sql.names.all(after ?? '', limit);
    return namesSchema.parse(rows).map((row) => row.name);
  }

  maintain(limit: number): boolean {
    return this.#table.maintain(limit);
  }

  #look(key: string, allowStale: boolean) {
    const entry = this.#table.peek(key);
    const age = entry && freshness(entry, this.#now(), this.#recencyMs);
    const served = age !== null && (age.fresh || allowStale) ? entry : null;
    this.#table.count(served);
    return served && age && { entry: served, age };
  }
}

function readRow(row: Row): ReadRow<StoredManifest> {
  const { stored_at: storedAt, record: text, ...rest } = rowSchema.parse(row);
  const stored = parseStored(manifestRecordSchema, text);
  if (!stored.ok) return { ok: false, key: rest.key, detail: stored.detail };
  return {
    ok: true,
    entry: { ...rest, storedAt, record: stored.record },
    size: text.length,
  };
}

function toEntry({ key, kind, storedAt, record }: StoredManifest): ManifestEntry {
  return { key, kind, storedAt, record };
}

function blobsOf(record: ManifestRecord): readonly (readonly [Digest, BlobRole])[] {
  const forms = Object.values(record.forms);
  return [
    ...forms.map((form) => [form.digest, 'manifest'] as const),
    ...contentsOf(record).map((digest) => [digest, 'content'] as const),
  ];
}

/** The blobs that an image's manifests name, or an index's through its images. */
function contentsOf({ children = [], config, layers }: ManifestRecord): readonly Digest[] {
  return [config, ...layers, ...children];
}

function prepare(db: DatabaseSync) {
  return {
    save: db.prepare(`
      INSERT INTO manifests (key, kind, name, reference, stored_at, used, record)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, name = excluded.name,
        reference = excluded.reference, stored_at = excluded.stored_at, used = excluded.used,
        record = excluded.record
      RETURNING id, key`),
    // An image may hold the same layer twice.
    saveBlob: db.prepare(
      'INSERT OR IGNORE INTO manifest_blobs (digest, role, manifest) VALUES (?, ?, ?)',
    ),
    deleteBlobs: db.prepare('DELETE FROM manifest_blobs WHERE manifest = ?'),
    deleteByDigest: db.prepare(`
      DELETE FROM manifests WHERE id IN (SELECT manifest FROM manifest_blobs WHERE digest = ?)
      RETURNING id, key`),
    byDigest: db.prepare(`
      SELECT m.id, m.key FROM manifest_blobs b JOIN manifests m ON m.id = b.manifest
      WHERE b.digest = ? AND b.role = ? ORDER BY b.manifest DESC LIMIT 1`),
    holders: db.prepare(`
      SELECT m.name, b.manifest AS position
      FROM manifest_blobs b JOIN manifests m ON m.id = b.manifest
      WHERE b.digest = ? AND b.role = ? AND b.manifest < ? ORDER BY b.manifest DESC LIMIT ?`),
    listed: db.prepare(`
      SELECT ${COLUMNS} FROM manifests WHERE (name, reference, key) > (?, ?, ?)
      ORDER BY name, reference, key LIMIT ?`),
    listedOf: db.prepare(`
      SELECT ${COLUMNS} FROM manifests WHERE name = ? AND (reference, key) > (?, ?)
      ORDER BY reference, key LIMIT ?`),
    // One look into the index a name, however many entries each has.
    names: db.prepare(`
      WITH RECURSIVE known (name) AS (
        SELECT min(name) FROM manifests WHERE name > ?
        UNION ALL
        SELECT (SELECT min(m.name) FROM manifests m WHERE m.name > known.name) FROM known
        WHERE known.name IS NOT NULL
      )
      SELECT name FROM known WHERE name IS NOT NULL LIMIT ?`),
  } satisfies Record<string, StatementSync>;
}
