import type { BlobRole } from '../messages.ts';
import type { Digest, DropTarget, ManifestKind } from '../records.ts';

/** Blobs of a record by role, and what the test wants to see again. */
export interface ModelRecord {
  readonly blobs: readonly { readonly digest: Digest; readonly role: BlobRole }[];
}

interface ModelEntry<R> {
  readonly key: string;
  readonly id: number;
  readonly kind: ManifestKind;
  readonly storedAt: number;
  readonly record: R;
  /** When it was last used, and what of that would survive a crash. */
  used: number;
  recorded: number;
}

/** What one of the maps ought to do, in the plainest way: no files, no indexes, no front. */
export class ModelMap<R extends ModelRecord> {
  readonly #bound: number;
  #entries: ModelEntry<R>[] = [];
  #ids = 0;
  #tick = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  get size(): number {
    return this.#entries.length;
  }

  get entries(): readonly ModelEntry<R>[] {
    return this.#entries;
  }

  peek(key: string): ModelEntry<R> | undefined {
    return this.#entries.find((entry) => entry.key === key);
  }

  find(digest: Digest, role: BlobRole): ModelEntry<R> | undefined {
    return this.#entries
      .filter(({ record }) => record.blobs.some((b) => b.digest === digest && b.role === role))
      .toSorted((a, b) => b.id - a.id)[0];
  }

  use(entry: ModelEntry<R> | undefined): void {
    if (entry !== undefined) entry.used = this.#tick += 1;
  }

  put(key: string, kind: ManifestKind, record: R, storedAt: number): void {
    const id = this.peek(key)?.id ?? (this.#ids += 1);
    const used = (this.#tick += 1);
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    this.#entries.push({ key, id, kind, storedAt, record, used, recorded: used });
    while (this.#entries.length > this.#bound) this.#evict();
  }

  drop(target: DropTarget): void {
    this.#entries = this.#entries.filter(({ key, record }) =>
      'key' in target
        ? key !== target.key
        : !record.blobs.some(({ digest }) => digest === target.digest),
    );
  }

  flush(): void {
    for (const entry of this.#entries) entry.recorded = entry.used;
  }

  crash(): void {
    for (const entry of this.#entries) entry.used = entry.recorded;
  }

  #evict(): void {
    const oldest = this.#entries.reduce((a, b) => (b.used < a.used ? b : a));
    // The search for the oldest records the uses of those that seemed older.
    for (const entry of this.#entries) {
      if (entry.recorded < oldest.used) entry.recorded = entry.used;
    }
    this.#entries = this.#entries.filter((entry) => entry !== oldest);
  }
}
