import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { BlobStatter, Digest, ListedObject, ObjectName, ObjectStore } from '@nixery/storage';
import { z } from 'zod';

import { RECORD_PREFIXES } from './record-names.ts';

const HOUR_MS = 60 * 60 * 1000;

/** A blob put within this time (ms) needs no lease: collection spares what is younger than a day, and no build takes as long. */
const YOUNG_MS = 12 * HOUR_MS;
/** For this long (ms) a lease is not written again. */
const RENEW_MS = 6 * HOUR_MS;
/** For this long (ms), by the storage's clock, collection heeds a lease; more than `RENEW_MS`, a build and a collection take. */
export const LEASE_MS = 24 * HOUR_MS;

/** Once it has said what it deletes, a collection does so for at most this long (ms). */
export const SWEEP_MS = 30_000;
/**
 * After this long (ms) the collection that deletes has died: it may start a last request when `SWEEP_MS` are over, and a
 * storage gives one up after a minute.
 */
const SWEEP_DEAD_MS = 120_000;
/** The same where it is the storage's clock that tells, which may differ from ours. */
export const SWEEP_STALE_MS = HOUR_MS;
const POLL_MS = 100;
const MAX_HELD = 100_000;

const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
/** What leases and sweeps say. */
const digestsSchema = z.object({ digests: z.array(digest) });

/**
 * Keeps collection away from blobs that a build relies on without having put them just now.
 *
 * Both sides say what they are about to do before they look at what the other has said (Dekker's rule): whoever holds a
 * blob writes a lease, then looks for sweeps; collection writes a sweep, then looks for leases, then deletes. At least one
 * of the two sees the other. `docs/decisions/0013-collecting-garbage.md` goes through the cases.
 */
export class Leases {
  readonly #store: ObjectStore & BlobStatter;
  /** When each blob was last leased (ms, of a clock that never goes back). */
  readonly #held = new Map<Digest, number>();

  constructor(store: ObjectStore & BlobStatter) {
    this.#store = store;
  }

  /**
   * Sees to it that those of these blobs that are there stay for the next hours: long enough to name them in an image and
   * to store that.
   *
   * @returns those that are there, and their sizes (bytes)
   * @throws BlobError of a storage that fails
   */
  async hold(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, number>> {
    const found = new Map<Digest, number>();
    const old: Digest[] = [];
    await Promise.all(
      [...new Set(digests)].map(async (digest) => {
        const status = await this.#store.stat(digest);
        if (!status.exists) return;
        found.set(digest, status.size);
        const isYoung = Date.now() - status.modifiedAt.getTime() < YOUNG_MS;
        if (!isYoung && !this.#isHeld(digest)) old.push(digest);
      }),
    );
    if (old.length === 0) return found;

    const startedAt = performance.now();
    await writeDigests(this.#store, RECORD_PREFIXES.leases, old);
    await this.#outlastSweeps(new Set(old));
    await Promise.all(
      old.map(async (digest) => {
        const status = await this.#store.stat(digest);
        if (status.exists) this.#note(digest, startedAt);
        else found.delete(digest);
      }),
    );
    return found;
  }

  #isHeld(digest: Digest): boolean {
    const since = this.#held.get(digest);
    return since !== undefined && performance.now() - since < RENEW_MS;
  }

  #note(digest: Digest, at: number): void {
    this.#held.delete(digest);
    this.#held.set(digest, at);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_HELD && oldest !== undefined) this.#held.delete(oldest);
  }

  /** Waits until nothing of this is being deleted any more. */
  async #outlastSweeps(digests: ReadonlySet<Digest>): Promise<void> {
    const startedAt = performance.now();
    for (;;) {
      const sweeps = await this.#sweepsOver(digests);
      if (sweeps.length === 0) return;
      if (performance.now() - startedAt > SWEEP_DEAD_MS) {
        // So that nobody waits for a dead one again.
        for (const name of sweeps) await this.#store.deleteObject(name);
        return;
      }
      await delay(POLL_MS);
    }
  }

  async #sweepsOver(digests: ReadonlySet<Digest>): Promise<readonly ObjectName[]> {
    const found: ObjectName[] = [];
    for await (const object of this.#store.listObjects(RECORD_PREFIXES.sweeps)) {
      if (isStale(object)) continue;
      const swept = await readDigests(this.#store, object.name);
      // One that cannot be read may say anything.
      const concerns = swept === 'unreadable' || swept.some((digest) => digests.has(digest));
      if (concerns) found.push(object.name);
    }
    return found;
  }
}

/** Whether a sweep was left by a collection that has died. */
export function isStale({ modifiedAt }: ListedObject): boolean {
  return Date.now() - modifiedAt.getTime() > SWEEP_STALE_MS;
}

/** Writes a lease or a sweep. */
export async function writeDigests(
  store: ObjectStore,
  prefix: typeof RECORD_PREFIXES.leases | typeof RECORD_PREFIXES.sweeps,
  digests: readonly Digest[],
): Promise<ObjectName> {
  const name: ObjectName = `${prefix}${randomUUID()}`;
  await store.putObjectIfAbsent(name, Buffer.from(JSON.stringify({ digests })));
  return name;
}

/** What a lease or a sweep says; nothing where it is gone. */
export async function readDigests(
  store: ObjectStore,
  name: ObjectName,
): Promise<readonly Digest[] | 'unreadable'> {
  const bytes = await store.getObject(name);
  if (bytes === null) return [];
  try {
    return digestsSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).digests;
  } catch {
    return 'unreadable';
  }
}
