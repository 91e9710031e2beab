import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Digest } from '../digest.ts';
import { readBlob } from '../read-blob.ts';
import { MANIFEST_TYPE, NO_TRACES, collect, useStore, type StoreUnderTest } from './harness.ts';
import { describeObjects } from './object-contract.ts';
import { describeOpen } from './open-contract.ts';
import { describePut } from './put-contract.ts';

/** What every backend has to do: the promises of `BlobStore`, as tests, each on a fresh store. */
export function describeBlobStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a blob store`, () => {
    const harness = useStore(makeStore);
    describePut(harness);
    describeOpen(harness);
    describeObjects(harness);

    test('readBlob takes no more into memory than it is allowed to', async () => {
      const digest = await harness.putBytes(randomBytes(1001));
      await expect(readBlob(harness.store, digest, 1000)).rejects.toMatchObject({
        code: 'invalid',
      });
    });

    test('url leads clients to the blob, or is null', async () => {
      const bytes = randomBytes(1000);
      const url = await harness.store.url(await harness.putBytes(bytes));
      expect(url !== null).toBe(harness.redirects);
      if (url === null) return;
      const response = await fetch(url);
      expect(response.headers.get('content-type')).toBe(MANIFEST_TYPE);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    });

    test('delete removes a blob, and does not mind one that is not there', async () => {
      const digest = await harness.putBytes(randomBytes(10));
      await harness.store.delete(digest);
      expect(await harness.traces(digest)).toEqual(NO_TRACES);
      await harness.store.delete(digest);
    });

    test('a deleted blob can be put again', async () => {
      const bytes = randomBytes(10);
      await harness.store.delete(await harness.putBytes(bytes));
      expect(await readBlob(harness.store, await harness.putBytes(bytes), 10)).toEqual(bytes);
    });

    test('list names every blob with its size and time, and nothing else', async () => {
      await harness.store.putObjectIfAbsent('manifests/key', randomBytes(10));
      const before = Date.now();
      const sizes = new Map<Digest, number>();
      for (let size = 1; size <= 20; size += 1)
        sizes.set(await harness.putBytes(randomBytes(size)), size);
      const listed = await collect(harness.store.list());
      expect(new Map(listed.map(({ digest, size }) => [digest, size]))).toEqual(sizes);
      expect(listed).toHaveLength(sizes.size);
      for (const { modifiedAt } of listed) {
        // Backends keep time by their own clock, some in whole seconds.
        expect(Math.abs(modifiedAt.getTime() - before)).toBeLessThan(60_000);
      }
    });

    test('a malformed digest is refused by every method', async () => {
      const malformed: Digest = 'sha256:../../outside';
      const calls = [
        () => harness.store.stat(malformed),
        () => harness.store.open(malformed),
        () => harness.store.put(malformed, { bytes: randomBytes(1) }, MANIFEST_TYPE),
        () => harness.store.url(malformed),
        () => harness.store.delete(malformed),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'invalid' });
    });
  });
}
