import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { OBJECT_MAX_BYTES, type ObjectName } from '../object-name.ts';
import { collect, type Harness } from './harness.ts';

/** What named objects promise. */
export function describeObjects(harness: Harness): void {
  describe('named objects', () => {
    const name: ObjectName = 'manifests/v1.abc';

    test('are null until created', async () => {
      expect(await harness.store.getObject(name)).toBeNull();
      const bytes = randomBytes(100);
      expect(await harness.store.putObjectIfAbsent(name, bytes)).toEqual({ created: true });
      expect(await harness.store.getObject(name)).toEqual(bytes);
    });

    test('keep what their first writer wrote, and hand it to later ones', async () => {
      const first = randomBytes(100);
      await harness.store.putObjectIfAbsent(name, first);
      const second = await harness.store.putObjectIfAbsent(name, randomBytes(50));
      expect(second).toEqual({ created: false, bytes: first });
      expect(await harness.store.getObject(name)).toEqual(first);
    });

    test('are created by exactly one of many at once; the others adopt its bytes', async () => {
      const contents = Array.from({ length: 12 }, () => randomBytes(200));
      const puts = await Promise.all(
        contents.map((bytes) => harness.store.putObjectIfAbsent(name, bytes)),
      );
      const winners = contents.filter((_, index) => puts[index]?.created === true);
      expect(winners).toHaveLength(1);
      const adopted = puts.map((put) => (put.created ? winners[0] : put.bytes));
      expect(adopted).toEqual(contents.map(() => winners[0]));
      expect(await harness.store.getObject(name)).toEqual(winners[0]);
    });

    test('in different folders are different', async () => {
      await harness.store.putObjectIfAbsent('manifests/same', Buffer.from('manifest'));
      expect(await harness.store.getObject('builds/same')).toBeNull();
    });

    test('can be deleted, also when absent, and created anew', async () => {
      await harness.store.putObjectIfAbsent(name, randomBytes(10));
      await harness.store.deleteObject(name);
      expect(await harness.store.getObject(name)).toBeNull();
      await harness.store.deleteObject(name);
      expect(await harness.store.putObjectIfAbsent(name, randomBytes(10))).toEqual({
        created: true,
      });
    });

    test('are listed by prefix', async () => {
      await harness.putBytes(randomBytes(10));
      for (const key of [
        'manifests/v1.a',
        'manifests/v1.b',
        'manifests/v2.a',
        'builds/v1.a',
      ] as const) {
        await harness.store.putObjectIfAbsent(key, randomBytes(30));
      }
      const all = await collect(harness.store.listObjects('manifests/'));
      expect(all.map(({ name }) => name).toSorted()).toEqual([
        'manifests/v1.a',
        'manifests/v1.b',
        'manifests/v2.a',
      ]);
      expect(all[0]).toMatchObject({ size: 30, modifiedAt: expect.any(Date) });
      const some = await collect(harness.store.listObjects('manifests/v1.'));
      expect(some).toHaveLength(2);
    });

    test('are of limited size', async () => {
      const largest = randomBytes(OBJECT_MAX_BYTES);
      expect(await harness.store.putObjectIfAbsent(name, largest)).toEqual({ created: true });
      const put = harness.store.putObjectIfAbsent(
        'manifests/large',
        randomBytes(OBJECT_MAX_BYTES + 1),
      );
      await expect(put).rejects.toMatchObject({ code: 'invalid' });
      expect(await harness.store.getObject('manifests/large')).toBeNull();
    });

    test('have names that stay in their folder', async () => {
      for (const malformed of ['manifests/../layers/x', 'builds/'] as const) {
        const calls = [
          () => harness.store.getObject(malformed),
          () => harness.store.putObjectIfAbsent(malformed, randomBytes(1)),
          () => harness.store.deleteObject(malformed),
        ];
        for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'invalid' });
      }
      const listing = collect(harness.store.listObjects('manifests/../'));
      await expect(listing).rejects.toMatchObject({ code: 'invalid' });
    });
  });
}
