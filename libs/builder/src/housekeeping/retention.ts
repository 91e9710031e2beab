import type { Digest } from '@nixery/storage';

import { RENOTE_MS } from '../pull-log.ts';
import type { PullTimes } from '../pull-times.ts';
import type { Inventory } from './inventory.ts';

/** One image, in all its forms, or an index with its images. */
export interface StoredImage {
  readonly manifests: readonly Digest[];
  /** All that it takes, its manifests included. */
  readonly blobs: ReadonlySet<Digest>;
  /** When it was last pulled, as far as that can be known: never earlier than it was (ms since the epoch). */
  readonly usedAt: number;
}

export interface Retention {
  /** Images that nobody has pulled for longer than this (ms) go; null: age is no reason. */
  readonly maxAgeMs: number | null;
  /** As long as all takes more than this (bytes), the image goes that was pulled least recently; null: size is no reason. */
  readonly maxBytes: number | null;
  /** What is younger than this (ms) stays in any case. */
  readonly graceMs: number;
}

export interface Choice {
  readonly kept: readonly StoredImage[];
  readonly dropped: readonly StoredImage[];
}

/**
 * The images of a storage. One whose pulls were never noted is taken to have been pulled when it was put, and no earlier
 * than pulls have been noted at all.
 */
export function imagesOf(
  { blobs, manifests }: Pick<Inventory, 'blobs' | 'manifests'>,
  { since, times }: PullTimes,
  now: number,
): readonly StoredImage[] {
  const groups = Map.groupBy(manifests.keys(), (digest) => manifests.get(digest)?.config ?? digest);
  return [...groups.values()].map((group) => ({
    manifests: group,
    blobs: closureOf(group, manifests),
    usedAt: Math.max(
      since ?? now,
      ...group.flatMap((digest) => [blobs.get(digest)?.modifiedAt ?? 0, times.get(digest) ?? 0]),
    ),
  }));
}

/** These blobs and all that they refer to, over any number of manifests. */
export function closureOf(
  roots: Iterable<Digest>,
  manifests: Inventory['manifests'],
): ReadonlySet<Digest> {
  const closure = new Set(roots);
  // A set that is added to while it is walked is walked to its new end.
  for (const digest of closure) {
    for (const reference of manifests.get(digest)?.references ?? []) closure.add(reference.digest);
  }
  return closure;
}

/**
 * Which images stay.
 *
 * @param others what stays in any case, and counts
 * @param sizes of all blobs (bytes)
 */
export function chooseImages(
  images: readonly StoredImage[],
  others: ReadonlySet<Digest>,
  sizes: (digest: Digest) => number,
  { graceMs, maxAgeMs, maxBytes }: Retention,
  now: number,
): Choice {
  // A pull is written down once a day: the last one may be a day younger than what is known of it.
  const newestAge = (ageMs: number): number => now - ageMs - RENOTE_MS;
  const oldestKept = maxAgeMs === null ? -Infinity : newestAge(Math.max(maxAgeMs, graceMs));
  const kept = new Set(images.filter(({ usedAt }) => usedAt >= oldestKept));
  if (maxBytes !== null) {
    const mayGo = [...kept].filter(({ usedAt }) => usedAt < newestAge(graceMs));
    for (const image of leastRecentBeyond(maxBytes, kept, mayGo, others, sizes)) kept.delete(image);
  }
  return { kept: [...kept], dropped: images.filter((image) => !kept.has(image)) };
}

/** Those that have to go, of those that may, for all to take no more than `maxBytes`; all of them where that is not enough. */
function leastRecentBeyond(
  maxBytes: number,
  images: Iterable<StoredImage>,
  mayGo: readonly StoredImage[],
  others: ReadonlySet<Digest>,
  sizes: (digest: Digest) => number,
): readonly StoredImage[] {
  const users = new Map<Digest, number>();
  let bytes = 0;
  for (const blobs of [others, ...Array.from(images, (image) => image.blobs)]) {
    for (const digest of blobs) {
      const count = users.get(digest) ?? 0;
      if (count === 0) bytes += sizes(digest);
      users.set(digest, count + 1);
    }
  }
  const gone: StoredImage[] = [];
  for (const image of mayGo.toSorted((one, other) => one.usedAt - other.usedAt)) {
    if (bytes <= maxBytes) break;
    gone.push(image);
    for (const digest of image.blobs) {
      const count = users.get(digest) ?? 0;
      users.set(digest, count - 1);
      if (count === 1) bytes -= sizes(digest);
    }
  }
  return gone;
}
