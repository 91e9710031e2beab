import type { BlobStore, Digest, ListedObject, ObjectName } from '@nixery/storage';

import {
  isStale,
  LEASE_MS,
  readDigests,
  SWEEP_MS,
  SWEEP_STALE_MS,
  writeDigests,
} from '../leases.ts';
import { RECORD_PREFIXES } from '../record-names.ts';
import { concurrently } from './concurrently.ts';
import { CONCURRENCY } from './inventory.ts';
import type { WorkOptions } from './progress.ts';

/** Blobs of one batch: seconds on any storage. A build that needs one of them waits for so long. */
const BATCH = 256;

export interface SweepOptions extends WorkOptions {
  readonly store: BlobStore;
  /** Only what was last put before this goes (ms since the epoch). */
  readonly before: number;
}

/**
 * Why a sweep ended. `busy`: another collection deletes. `clock`: the storage's clock and ours tell different times, so that
 * ages mean nothing. `blind`: the storage does not list what was just written, so that leases cannot be relied on.
 */
export type SweepEnd = 'done' | 'interrupted' | 'busy' | 'clock' | 'blind';

export interface Swept {
  readonly end: SweepEnd;
  readonly deleted: readonly Digest[];
  /** How many a build has leased, or has put again. */
  readonly spared: number;
}

type Leased = ReadonlySet<Digest> | 'everything';

/** Deletes old blobs, in batches, each after saying so and asking who needs one of them. See {@link Leases}. */
export class Sweep {
  readonly #options: SweepOptions;
  /** Leases never change. */
  readonly #leases = new Map<ObjectName, readonly Digest[] | 'unreadable'>();
  readonly #deleted: Digest[] = [];
  #spared = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** @throws BlobError of a storage that fails; what is deleted is deleted */
  async run(digests: readonly Digest[]): Promise<Swept> {
    let rest = digests;
    let end: SweepEnd = 'done';
    while (rest.length > 0 && end === 'done') {
      const batch = rest.slice(0, BATCH);
      const result = await this.#batch(batch);
      ({ end } = result);
      rest = [...result.left, ...rest.slice(BATCH)];
    }
    return { end, deleted: this.#deleted, spared: this.#spared };
  }

  async #batch(
    batch: readonly Digest[],
  ): Promise<{ readonly end: SweepEnd; readonly left: readonly Digest[] }> {
    const { signal, store } = this.#options;
    if (signal?.aborted === true) return { end: 'interrupted', left: batch };
    const startedAt = performance.now();
    const name = await writeDigests(store, RECORD_PREFIXES.sweeps, batch);
    try {
      const said = await this.#listen(name);
      if (typeof said === 'string') return { end: said, left: batch };
      const left: Digest[] = [];
      await concurrently(batch, CONCURRENCY, async (digest) => {
        const isOver = performance.now() - startedAt > SWEEP_MS || signal?.aborted === true;
        if (isOver) left.push(digest);
        else await this.#delete(digest, said.leased);
      });
      return { end: 'done', left };
    } finally {
      await store.deleteObject(name);
    }
  }

  /** What others say, now that ours is said. */
  async #listen(own: ObjectName): Promise<SweepEnd | { readonly leased: Leased }> {
    const { store } = this.#options;
    let isListed = false;
    const leases: ListedObject[] = [];
    for await (const object of store.listObjects('gc/v1.')) {
      const { modifiedAt, name } = object;
      const age = Date.now() - modifiedAt.getTime();
      if (name === own) {
        isListed = true;
        if (Math.abs(age) > SWEEP_STALE_MS) return 'clock';
      } else if (name.startsWith(RECORD_PREFIXES.sweeps)) {
        if (!isStale(object)) return 'busy';
      } else if (name.startsWith(RECORD_PREFIXES.leases) && age < LEASE_MS) {
        leases.push(object);
      }
    }
    if (!isListed) return 'blind';
    return { leased: await this.#read(leases) };
  }

  async #read(leases: readonly ListedObject[]): Promise<Leased> {
    const leased = new Set<Digest>();
    for (const { name } of leases) {
      const digests = this.#leases.get(name) ?? (await readDigests(this.#options.store, name));
      this.#leases.set(name, digests);
      // It may say anything.
      if (digests === 'unreadable') return 'everything';
      for (const digest of digests) leased.add(digest);
    }
    return leased;
  }

  async #delete(digest: Digest, leased: Leased): Promise<void> {
    const { before, onProgress, store } = this.#options;
    const status = await store.stat(digest);
    if (!status.exists) return;
    const isNeeded = leased === 'everything' || leased.has(digest);
    if (isNeeded || status.modifiedAt.getTime() >= before) {
      this.#spared += 1;
      return;
    }
    await store.delete(digest);
    this.#deleted.push(digest);
    onProgress?.({ step: 'delete', done: this.#deleted.length });
  }
}
