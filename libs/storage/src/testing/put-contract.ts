import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { readBlob } from '../read-blob.ts';
import {
  ABSENT,
  LAYER_TYPE,
  MANIFEST_TYPE,
  MIB,
  NO_TRACES,
  collect,
  type Harness,
} from './harness.ts';

/** What `put` promises. */
export function describePut(harness: Harness): void {
  describe('put', () => {
    test('stores bytes, which then have a size and can be read', async () => {
      const bytes = randomBytes(1000);
      const digest = await harness.putBytes(bytes);
      expect(await harness.store.stat(digest)).toMatchObject({ exists: true, size: 1000 });
      expect(await readBlob(harness.store, digest, 1000)).toEqual(bytes);
    });

    test('stores an empty blob', async () => {
      const digest = await harness.putBytes(new Uint8Array());
      expect(await harness.store.stat(digest)).toMatchObject({ exists: true, size: 0 });
      const { size, span, body } = await harness.store.open(digest);
      expect({ size, span }).toEqual({ size: 0, span: { offset: 0, length: 0 } });
      expect(await buffer(body)).toHaveLength(0);
    });

    test('stores a file and keeps it', async () => {
      const bytes = randomBytes(3 * MIB + 1);
      const file = await harness.spool(bytes);
      await harness.store.put(digestOf(bytes), { file }, LAYER_TYPE);
      expect(digestOf(await readBlob(harness.store, digestOf(bytes), 4 * MIB))).toBe(
        digestOf(bytes),
      );
      expect(digestOf(await readFile(file))).toBe(digestOf(bytes));
    });

    test.each([{ stated: true }, { stated: false }])(
      'takes over a file that is handed to it (hash stated by the caller: $stated)',
      async ({ stated }) => {
        const bytes = randomBytes(3 * MIB + 1);
        const file = await harness.spool(bytes);
        const verified = stated ? { verified: { size: bytes.length } } : {};
        await harness.store.put(digestOf(bytes), { file, move: true, ...verified }, LAYER_TYPE);
        expect(digestOf(await readBlob(harness.store, digestOf(bytes), 4 * MIB))).toBe(
          digestOf(bytes),
        );
        expect(existsSync(file)).toBe(false);
      },
    );

    test('succeeds for a blob that is there already', async () => {
      const bytes = randomBytes(1000);
      const file = await harness.spool(bytes);
      const digest = await harness.putBytes(bytes);
      await harness.store.put(digest, { bytes }, MANIFEST_TYPE);
      await harness.store.put(digest, { file }, LAYER_TYPE);
      expect(await readBlob(harness.store, digest, 1000)).toEqual(bytes);
      expect(await collect(harness.store.list())).toHaveLength(1);
    });

    test('succeeds for everyone who puts the same blob at once', async () => {
      const bytes = randomBytes(MIB);
      const digest = digestOf(bytes);
      const files = await Promise.all(Array.from({ length: 8 }, () => harness.spool(bytes)));
      await Promise.all(
        files.map((file) => harness.store.put(digest, { file, move: true }, LAYER_TYPE)),
      );
      expect(digestOf(await readBlob(harness.store, digest, MIB))).toBe(digest);
    });

    test('refuses bytes of another digest, and stores nothing', async () => {
      const put = harness.store.put(ABSENT, { bytes: randomBytes(10) }, MANIFEST_TYPE);
      await expect(put).rejects.toMatchObject({ name: 'BlobError', code: 'corrupt' });
      expect(await harness.traces(ABSENT)).toEqual(NO_TRACES);
    });

    test.each([{ move: true }, { move: false }])(
      'refuses a file of another digest, stores nothing and leaves the file (move: $move)',
      async ({ move }) => {
        const file = await harness.spool(randomBytes(MIB));
        const put = harness.store.put(ABSENT, { file, move }, LAYER_TYPE);
        await expect(put).rejects.toMatchObject({ name: 'BlobError', code: 'corrupt' });
        expect(await harness.traces(ABSENT)).toEqual(NO_TRACES);
        expect(existsSync(file)).toBe(true);
      },
    );

    test('refuses a file that is not as long as its writer has stated', async () => {
      const bytes = randomBytes(1000);
      const file = await harness.spool(bytes.subarray(0, 999));
      const source = { file, move: true, verified: { size: 1000 } };
      const put = harness.store.put(digestOf(bytes), source, LAYER_TYPE);
      await expect(put).rejects.toMatchObject({ code: 'corrupt' });
      expect(await harness.traces(digestOf(bytes))).toEqual(NO_TRACES);
      expect(existsSync(file)).toBe(true);
    });

    test('refuses a source that is no file', async () => {
      for (const file of [join(harness.folder, 'missing'), harness.folder]) {
        const put = harness.store.put(ABSENT, { file }, LAYER_TYPE);
        await expect(put).rejects.toMatchObject({ code: 'invalid' });
      }
      expect(await harness.traces(ABSENT)).toEqual(NO_TRACES);
    });
  });
}
