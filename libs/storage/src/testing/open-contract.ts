import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { ByteRange } from '../range.ts';
import { readBlob } from '../read-blob.ts';
import { ABSENT, MIB, NO_TRACES, type Harness } from './harness.ts';

/** What `open` promises. */
export function describeOpen(harness: Harness): void {
  describe('open', () => {
    test('rejects for a blob that is not there', async () => {
      expect(await harness.traces(ABSENT)).toEqual(NO_TRACES);
    });

    test('yields what slice yields for the range, and says which span that is', async () => {
      const bytes = randomBytes(3000);
      const digest = await harness.putBytes(bytes);
      const position = fc.nat({ max: 4000 });
      // Each range with where it begins and ends, the end excluded.
      const ranges: fc.Arbitrary<readonly [ByteRange, number, number]> = fc.oneof(
        position.map((first) => [{ first }, first, 3000] as const),
        fc
          .tuple(position, position)
          .map(
            ([first, more]) => [{ first, last: first + more }, first, first + more + 1] as const,
          ),
        position.map((suffix) => [{ suffix }, Math.max(0, 3000 - suffix), 3000] as const),
      );
      const property = fc.asyncProperty(ranges, async ([range, begin, end]) => {
        const expected = bytes.subarray(begin, end);
        const opened = await harness.store.open(digest, range);
        expect(opened.size).toBe(3000);
        expect(opened.satisfiable ? opened.span : null).toEqual(
          expected.length === 0 ? null : { offset: begin, length: expected.length },
        );
        expect(opened.satisfiable ? await buffer(opened.body) : Buffer.alloc(0)).toEqual(expected);
      });
      await fc.assert(property, {
        numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 60),
        examples: [
          [[{ first: 2999 }, 2999, 3000]],
          [[{ first: 3000 }, 3000, 3000]],
          [[{ suffix: 0 }, 3000, 3000]],
        ],
      });
    });

    test('finds no range in an empty blob', async () => {
      const digest = await harness.putBytes(new Uint8Array());
      for (const range of [{ first: 0 }, { suffix: 1 }]) {
        expect(await harness.store.open(digest, range)).toEqual({ satisfiable: false, size: 0 });
      }
    });

    test('refuses a range that makes no sense', async () => {
      const digest = await harness.putBytes(randomBytes(10));
      const opening = harness.store.open(digest, { first: 5, last: 4 });
      await expect(opening).rejects.toMatchObject({ code: 'invalid' });
    });

    test('reads no faster than its consumer, and stops when that goes away', async () => {
      const digest = await harness.putBytes(randomBytes(16 * MIB));
      const { body } = await harness.store.open(digest);
      let taken = 0;
      for await (const chunk of body) {
        taken += chunk.length;
        for (let turn = 0; turn < 20; turn += 1) await nextTurn();
        expect(body.readableLength).toBeLessThanOrEqual(2 * MIB);
        if (taken > MIB) break;
      }
      expect(body.destroyed).toBe(true);
      expect(taken).toBeLessThan(4 * MIB);
    });

    test('serves many readers of one blob at once', async () => {
      const bytes = randomBytes(2 * MIB);
      const digest = await harness.putBytes(bytes);
      const reads = Array.from({ length: 10 }, () => readBlob(harness.store, digest, 2 * MIB));
      for (const read of await Promise.all(reads)) expect(digestOf(read)).toBe(digest);
    });
  });
}
