import type { BlobStore, Digest, ObjectName, UnfinishedUpload } from '@nixery/storage';

import { readThrough } from '../intact.ts';
import { type Amount, amountOf } from './amount.ts';
import { concurrently } from './concurrently.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import type { WorkOptions } from './progress.ts';
import { eachRecord } from './record-upkeep.ts';
import { closureOf } from './retention.ts';
import { unfinishedUploads } from './unfinished.ts';

/** Blobs that are read at the same time: hashing is what takes long, and it has one thread. */
const READERS = 4;

/** Something that is not as it should be. */
export type Finding =
  /** A blob's content does not have its digest. */
  | { readonly kind: 'damaged'; readonly digest: Digest }
  /** A manifest or record names a blob that is not there. */
  | { readonly kind: 'missing'; readonly digest: Digest; readonly of: Digest | ObjectName }
  /** A manifest or record tells another size (bytes). */
  | {
      readonly kind: 'wrong-size';
      readonly digest: Digest;
      readonly of: Digest | ObjectName;
      readonly expected: number;
      readonly actual: number;
    }
  /** What should be one of our records cannot be read as one. */
  | { readonly kind: 'unreadable'; readonly of: ObjectName };

export interface CheckOptions extends WorkOptions {
  readonly store: BlobStore;
  /** Whether to read all blobs against their digests; otherwise only manifests are read. */
  readonly content: boolean;
  /** Whether to remove damaged blobs, and records that name what is missing: servers make anew what they then miss. */
  readonly repair: boolean;
  readonly onFinding: (finding: Finding) => void;
}

export interface CheckReport {
  readonly blobs: Amount;
  /** Blobs that are no manifest, and that no manifest or record of another maker names: collection removes them. */
  readonly orphans: Amount;
  readonly manifests: number;
  readonly records: number;
  /** What is half stored, by writers at work and by those that were killed; null where the storage does not tell. */
  readonly uploads: readonly UnfinishedUpload[] | null;
  readonly findings: number;
  /** Blobs and records that were removed. */
  readonly repaired: number;
}

/**
 * Reads a storage through: blobs against their digests, manifests and records against what they name.
 *
 * @throws BlobError of a storage that fails; the signal's reason
 */
export async function checkStorage(options: CheckOptions): Promise<CheckReport> {
  const { store } = options;
  const inventory = await takeInventory(store, [], options);
  const check = new Check(options, inventory);
  await check.content();
  await check.manifests();
  const records = await check.records();
  const { blobs, foreign, manifests } = inventory;
  const referenced = closureOf([...manifests.keys(), ...foreign], manifests);
  return {
    blobs: amountOf(blobs.values()),
    orphans: amountOf(
      blobs.entries().flatMap(([digest, blob]) => (referenced.has(digest) ? [] : [blob])),
    ),
    manifests: manifests.size,
    records,
    uploads: await unfinishedUploads(store, options),
    findings: check.findings,
    repaired: check.repaired,
  };
}

class Check {
  readonly #options: CheckOptions;
  readonly #inventory: Inventory;
  readonly #damaged = new Set<Digest>();
  findings = 0;
  repaired = 0;

  constructor(options: CheckOptions, inventory: Inventory) {
    this.#options = options;
    this.#inventory = inventory;
  }

  async content(): Promise<void> {
    const { content, onProgress, signal, store } = this.#options;
    const { blobs, damaged } = this.#inventory;
    for (const digest of damaged) await this.#foundDamaged(digest);
    if (!content) return;
    let done = 0;
    await concurrently(blobs.keys(), READERS, async (digest) => {
      signal?.throwIfAborted();
      const state = await readThrough(store, digest, { ...(signal && { signal }) });
      if (state === 'damaged') await this.#foundDamaged(digest);
      onProgress?.({ step: 'content', done: (done += 1), total: blobs.size });
    });
  }

  async manifests(): Promise<void> {
    for (const [manifest, { references }] of this.#inventory.manifests) {
      for (const { digest, size } of references) await this.#isThere(digest, size, manifest);
    }
  }

  /** @returns how many there are */
  async records(): Promise<number> {
    const { repair, store } = this.#options;
    let count = 0;
    await eachRecord(store, this.#options, async (record) => {
      count += 1;
      let isGood = record.kind !== 'unreadable';
      if (record.kind === 'unreadable') {
        this.#found({ kind: 'unreadable', of: record.name });
      } else {
        for (const [digest, size] of record.blobs) {
          isGood = (await this.#isThere(digest, size, record.name)) && isGood;
        }
      }
      if (isGood || !repair) return;
      await record.drop();
      this.repaired += 1;
    });
    return count;
  }

  async #isThere(digest: Digest, size: number | null, of: Digest | ObjectName): Promise<boolean> {
    const actual = this.#damaged.has(digest) ? null : await this.#sizeOf(digest);
    if (actual === null) {
      this.#found({ kind: 'missing', digest, of });
      return false;
    }
    if (size === null || size === actual) return true;
    this.#found({ kind: 'wrong-size', digest, of, expected: size, actual });
    return false;
  }

  /** Null where there is no such blob, also none that was put after the storage was listed. */
  async #sizeOf(digest: Digest): Promise<number | null> {
    const listed = this.#inventory.blobs.get(digest);
    if (listed !== undefined) return listed.size;
    const status = await this.#options.store.stat(digest);
    return status.exists ? status.size : null;
  }

  async #foundDamaged(digest: Digest): Promise<void> {
    if (this.#damaged.has(digest)) return;
    this.#damaged.add(digest);
    this.#found({ kind: 'damaged', digest });
    if (!this.#options.repair) return;
    await this.#options.store.delete(digest);
    this.repaired += 1;
  }

  #found(finding: Finding): void {
    this.findings += 1;
    this.#options.onFinding(finding);
  }
}
