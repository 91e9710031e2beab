import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Tuning } from './bucket/tuning.ts';
import { digestOf } from './digest.ts';
import { readBlob } from './read-blob.ts';
import type { BlobStore } from './store.ts';
import { LAYER_TYPE, MANIFEST_TYPE, MIB, collect } from './testing/harness.ts';
import { BUCKET_KINDS, startBucketPeer, type BucketPeer } from './testing/peer.ts';

const TUNING: Partial<Tuning> = { firstDelayMs: 10, partBytes: 5 * MIB };
/** How the parts of a signed address begin. */
const PREFIX = { gcs: 'X-Goog', s3: 'X-Amz' } as const;

// What both clouds do beyond the contract; what one alone does is in gcs.test.ts and s3.test.ts.
describe.each(BUCKET_KINDS)('a store in a bucket (%s)', (kind) => {
  const clock = { offsetMs: 0 };
  let peer: BucketPeer;

  beforeEach(async () => {
    clock.offsetMs = 0;
    peer = await startBucketPeer(kind, { now: () => Date.now() + clock.offsetMs });
  });
  afterEach(() => peer.close());

  function open(): Promise<BlobStore> {
    return peer.open({ tuning: TUNING });
  }

  describe('signs addresses', () => {
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);

    async function link(): Promise<URL> {
      const store = await open();
      await store.put(digest, { bytes }, LAYER_TYPE);
      return new URL((await store.url(digest)) ?? '');
    }

    test('that serve ranges, too, and expire after five minutes', async () => {
      const url = await link();
      expect(url.searchParams.get(`${PREFIX[kind]}-Expires`)).toBe('300');
      const range = await fetch(url, { headers: { Range: 'bytes=10-19' } });
      expect(range.status).toBe(206);
      expect(Buffer.from(await range.arrayBuffer())).toEqual(bytes.subarray(10, 20));
      clock.offsetMs = 301_000;
      // The clouds do not agree on which.
      expect([400, 403]).toContain((await fetch(url)).status);
    });

    test('that are refused once anything in them is changed', async () => {
      const url = await link();
      const other = digestOf(randomBytes(1)).slice('sha256:'.length);
      const length = (url.searchParams.get(`${PREFIX[kind]}-Signature`) ?? '').length;
      const changes: readonly (readonly [string, string | null])[] = [
        [`${PREFIX[kind]}-Expires`, '86400'],
        [`${PREFIX[kind]}-Date`, '20990101T000000Z'],
        ['response-content-type', 'text/html'],
        [`${PREFIX[kind]}-Credential`, 'somebody/else'],
        [`${PREFIX[kind]}-Signature`, 'ab'.repeat(length / 2)],
        [`${PREFIX[kind]}-Signature`, null],
      ];
      for (const [name, value] of changes) {
        const changed = new URL(url);
        if (value === null) changed.searchParams.delete(name);
        else changed.searchParams.set(name, value);
        expect((await fetch(changed)).status, changed.href).toBe(403);
      }
      const elsewhere = new URL(url);
      elsewhere.pathname = `/${peer.bucket}/layers/${other}`;
      expect((await fetch(elsewhere)).status).toBe(403);
      expect((await fetch(url, { method: 'HEAD' })).status).toBe(403);
      expect((await fetch(url)).status).toBe(200);
    });
  });

  test('says at start that the bucket is not there', async () => {
    await expect(peer.open({ tuning: TUNING, bucket: 'missing' })).rejects.toMatchObject({
      name: 'BlobError',
      code: 'invalid',
      message: expect.stringContaining('There is no bucket missing'),
    });
  });

  test('says at start that the service cannot be reached, once the deadline has passed', async () => {
    // Nobody listens on port 1.
    const opening = peer.open({
      origin: 'http://127.0.0.1:1',
      tuning: { ...TUNING, deadlineMs: 300 },
    });
    await expect(opening).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
  });

  test.each([{ size: 1000 }, { size: 7 * MIB }])(
    "counts a replica's faster upload of the same $size bytes as its own success",
    async ({ size }) => {
      const bytes = randomBytes(size);
      const digest = digestOf(bytes);
      const stores = await Promise.all([open(), open(), open()]);
      await Promise.all(stores.map((store) => store.put(digest, { bytes }, LAYER_TYPE)));
      expect(await collect((await open()).list())).toHaveLength(1);
      expect(digestOf(await readBlob(await open(), digest, size))).toBe(digest);
    },
  );

  test('replaces an object that cannot be the blob, being of another size', async () => {
    const bytes = randomBytes(6 * MIB);
    const digest = digestOf(bytes);
    await peer.write(`layers/${digest.slice('sha256:'.length)}`, bytes.subarray(1));
    const store = await open();
    await store.put(digest, { bytes }, MANIFEST_TYPE);
    expect(digestOf(await readBlob(store, digest, 6 * MIB))).toBe(digest);
  });

  test('refuses an object larger than any that it writes', async () => {
    await peer.write('builds/huge', randomBytes(2 * MIB));
    const store = await open();
    await expect(store.getObject('builds/huge')).rejects.toMatchObject({ code: 'corrupt' });
  });
});
