import type { Digest } from '@nixery/storage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chooseImages, type Retention, type StoredImage } from './retention.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = 1000 * DAY;
const NO_LIMIT: Retention = { maxAgeMs: null, maxBytes: null, graceMs: DAY };

function digest(n: number): Digest {
  return `sha256:${String(n).padStart(64, '0')}`;
}

function image(daysAgo: number, ...blobs: readonly number[]): StoredImage {
  return {
    manifests: [],
    blobs: new Set(blobs.map(digest)),
    usedAt: NOW - daysAgo * DAY,
  };
}

function choose(images: readonly StoredImage[], retention: Partial<Retention>) {
  return chooseImages(images, new Set(), () => 10, { ...NO_LIMIT, ...retention }, NOW);
}

describe('images', () => {
  it('go when they were pulled a day longer ago than allowed: a pull is written down once a day', () => {
    const [old, new_] = [image(31.1, 1), image(30.9, 2)];
    expect(choose([old, new_], { maxAgeMs: 30 * DAY })).toEqual({ kept: [new_], dropped: [old] });
  });

  it('stay when size is no reason, and age neither', () => {
    const images = [image(900, 1), image(1, 2)];
    expect(choose(images, {}).kept).toEqual(images);
  });

  it('go by their last pull until the rest is small enough, and what they share counts once', () => {
    const [oldest, older, newer] = [image(9, 1, 2), image(8, 2, 3), image(7, 3, 4)];
    const images = [newer, oldest, older];
    expect(choose(images, { maxBytes: 40 }).dropped).toEqual([]);
    expect(choose(images, { maxBytes: 39 }).dropped).toEqual([oldest]);
    expect(choose(images, { maxBytes: 29 }).dropped).toEqual([oldest, older]);
  });

  it('stay within the grace, however little is to remain', () => {
    const images = [image(1.9, 1), image(2.1, 2)];
    expect(choose(images, { maxBytes: 0, maxAgeMs: 1 }).kept).toEqual(images.slice(0, 1));
  });
});

function bytesOf(images: readonly StoredImage[]): number {
  return new Set(images.flatMap(({ blobs }) => [...blobs])).size * 10;
}

it('by size, no image goes before one that was pulled earlier, and no more go than have to', () => {
  const specs = fc.uniqueArray(
    fc.record({
      days: fc.integer({ min: 0, max: 60 }),
      blobs: fc.array(fc.integer({ min: 0, max: 20 })),
    }),
    { selector: ({ days }) => days },
  );
  fc.assert(
    fc.property(specs, fc.integer({ min: 0, max: 300 }), (specs, maxBytes) => {
      const images = specs.map(({ blobs, days }) => image(days, ...blobs));
      const newest = images.toSorted((one, other) => other.usedAt - one.usedAt);
      const inGrace = newest.filter(({ usedAt }) => usedAt >= NOW - 2 * DAY).length;
      // Dropping an image frees nothing that another holds: the first count that fits is the one.
      const counts = Array.from(
        { length: newest.length - inGrace + 1 },
        (_, i) => newest.length - i,
      );
      const fitting = counts.find((count) => bytesOf(newest.slice(0, count)) <= maxBytes);
      const { dropped, kept } = choose(images, { maxBytes });
      expect(new Set(kept)).toEqual(new Set(newest.slice(0, fitting ?? inGrace)));
      expect(new Set([...dropped, ...kept])).toEqual(new Set(images));
    }),
    { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 100) },
  );
});
