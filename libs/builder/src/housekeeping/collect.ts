import type { BlobStore, Digest } from '@nixery/storage';

import { isStale, LEASE_MS } from '../leases.ts';
import { type PullTimes, readPulls, writePulls } from '../pull-times.ts';
import { RECORD_PREFIXES } from '../record-names.ts';
import { type Amount, amountOf } from './amount.ts';
import { type Inventory, type StoredBlob, takeInventory } from './inventory.ts';
import type { WorkOptions } from './progress.ts';
import { eachRecord } from './record-upkeep.ts';
import { chooseImages, closureOf, imagesOf, type Retention } from './retention.ts';
import { Sweep, type SweepEnd } from './sweep.ts';
import { begunBefore, unfinishedUploads } from './unfinished.ts';

/** The least grace (ms): what builds rely on for half a day without a lease, and hold by leases for a day. */
export const MIN_GRACE_MS = 24 * 60 * 60 * 1000;

export interface CollectOptions extends Retention, WorkOptions {
  readonly store: BlobStore;
  /** Whether to delete; otherwise the report tells what would be. */
  readonly delete: boolean;
}

export interface CollectionReport {
  readonly end: SweepEnd;
  readonly deleted: boolean;
  /** Since when pulls have been noted (ms since the epoch); null: they have not, and no image goes for its age. */
  readonly pullsSince: number | null;
  readonly images: { readonly kept: number; readonly dropped: number };
  /** What images refer to that stay, and what records of other makers name. */
  readonly kept: Amount;
  /** What nothing refers to, and is too young to be removed. */
  readonly young: Amount;
  /** What is removed, or would be. */
  readonly removed: Amount;
  /** How many were to be removed, and are not, because a build has asked for them meanwhile. */
  readonly spared: number;
  /** Records of what is gone that are removed, or would be. */
  readonly records: number;
  /** Uploads that were begun before the grace and never ended, which are ended, or would be; null where the storage does not tell. */
  readonly uploads: number | null;
}

/**
 * Removes the blobs of images that are not to be retained, and those of no image at all. Servers may go on using the
 * storage meanwhile.
 *
 * @throws RangeError for a grace below {@link MIN_GRACE_MS}; BlobError of a storage that fails; the signal's reason while
 * nothing is deleted yet
 */
export async function collectGarbage(options: CollectOptions): Promise<CollectionReport> {
  const { graceMs, signal, store } = options;
  if (!(graceMs >= MIN_GRACE_MS)) throw new RangeError('the grace is at least a day');
  const now = Date.now();
  const before = now - graceMs;
  const pulls = await readPulls(store);
  const inventory = await takeInventory(store, pulls.times.keys(), options);
  const { blobs, foreign, manifests } = inventory;

  const images = imagesOf(inventory, pulls, now);
  const pinned = closureOf(foreign, manifests);
  const referenced = union([pinned, ...images.map((image) => image.blobs)]);
  const young = new Set<Digest>();
  for (const [digest, { modifiedAt }] of blobs) {
    if (modifiedAt >= before && !referenced.has(digest)) young.add(digest);
  }
  const sizeOf = (digest: Digest): number => blobs.get(digest)?.size ?? 0;
  const others = union([pinned, young]);
  const { dropped, kept } = chooseImages(images, others, sizeOf, options, now);
  const live = union([pinned, ...kept.map((image) => image.blobs)]);
  const garbage = [...blobs.keys()].filter((digest) => {
    return !live.has(digest) && (blobs.get(digest)?.modifiedAt ?? now) < before;
  });
  // Manifests first: one that is left without its layers would promise what is not there.
  garbage.sort((one, other) => Number(manifests.has(other)) - Number(manifests.has(one)));

  const swept = options.delete
    ? await new Sweep({ store, before, ...work(options) }).run(garbage)
    : { end: 'done' as const, deleted: garbage, spared: 0 };
  const removed = new Set(swept.deleted);
  const records = swept.end === 'done' ? await dropRecords(options, inventory, removed, before) : 0;
  if (options.delete && swept.end === 'done' && signal?.aborted !== true) {
    await tidy(store, pulls, (digest) => blobs.has(digest) && !removed.has(digest));
  }
  const uploads = swept.end === 'done' ? await endUploads(options, before) : 0;
  return {
    end: swept.end,
    deleted: options.delete,
    pullsSince: pulls.since,
    images: { kept: kept.length, dropped: dropped.length },
    kept: amountOf(stored(blobs, live)),
    young: amountOf(stored(blobs, young)),
    removed: amountOf(stored(blobs, removed)),
    spared: swept.spared,
    records,
    uploads,
  };
}

/** Ends what was begun long ago: no upload takes a day, so that its writer is gone. */
async function endUploads(options: CollectOptions, before: number): Promise<number | null> {
  const { signal, store } = options;
  if (signal?.aborted === true) return 0;
  const uploads = await unfinishedUploads(store, work(options));
  if (uploads === null) return null;
  const left = begunBefore(uploads, before);
  if (options.delete) for (const upload of left) await store.abortUpload(upload);
  return left.length;
}

/** Removes old records that name what is gone. Where a server writes one anew meanwhile, others pack that layer once more. */
async function dropRecords(
  options: CollectOptions,
  { blobs }: Inventory,
  removed: ReadonlySet<Digest>,
  before: number,
): Promise<number> {
  const { store } = options;
  let count = 0;
  await eachRecord(store, work(options), async (record) => {
    if (record.kind === 'unreadable' || record.modifiedAt >= before) return;
    const isWhole = record.blobs.keys().every((digest) => {
      return blobs.has(digest) && !removed.has(digest);
    });
    if (isWhole) return;
    if (options.delete) await record.drop();
    count += 1;
  });
  return count;
}

/** Leaves of what was noted, leased and swept only what still says something. */
async function tidy(
  store: BlobStore,
  pulls: PullTimes & Awaited<ReturnType<typeof readPulls>>,
  isThere: (digest: Digest) => boolean,
): Promise<void> {
  const { objects, since, times } = pulls;
  if (since !== null && objects.length > 1) {
    await writePulls(store, { since, times: new Map([...times].filter(([d]) => isThere(d))) });
    for (const name of objects) await store.deleteObject(name);
  }
  for await (const { modifiedAt, name } of store.listObjects(RECORD_PREFIXES.leases)) {
    if (Date.now() - modifiedAt.getTime() > 2 * LEASE_MS) await store.deleteObject(name);
  }
  for await (const object of store.listObjects(RECORD_PREFIXES.sweeps)) {
    if (isStale(object)) await store.deleteObject(object.name);
  }
}

function stored(blobs: Inventory['blobs'], digests: ReadonlySet<Digest>): readonly StoredBlob[] {
  return [...digests].flatMap((digest) => blobs.get(digest) ?? []);
}

function work({ onProgress, signal }: WorkOptions): WorkOptions {
  return { ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

function union(sets: readonly ReadonlySet<Digest>[]): ReadonlySet<Digest> {
  const all = new Set<Digest>();
  for (const set of sets) for (const digest of set) all.add(digest);
  return all;
}
