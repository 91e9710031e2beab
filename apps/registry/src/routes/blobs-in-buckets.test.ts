import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import {
  type BlobStore,
  type ByteRange,
  type Digest,
  digestOf,
  type OpenBlob,
  type UnsatisfiableRange,
} from '@nixery/storage';
import {
  BUCKET_KINDS,
  type BucketPeer,
  type FaultPlan,
  type FaultProxy,
  startBucketPeer,
  startFaultProxy,
} from '@nixery/storage/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type BlobServer, startBlobServer } from '../testing/blob-server.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const MIB = 1024 * 1024;
const CONTENT = randomBytes(MIB);
const DIGEST = digestOf(CONTENT);
const ABSENT = digestOf(Buffer.from('absent'));
const PATIENT = { idleMs: 60_000, deadlineMs: 120_000, firstDelayMs: 5, maxDelayMs: 50 };
/** For buckets that go on failing. */
const HASTY = { ...PATIENT, deadlineMs: 3_000 };

let peer: BucketPeer;
let proxy: FaultProxy;
let plan: FaultPlan;
let store: BlobStore;
let server: BlobServer;
/** Blobs that were to be made again. */
let healed: Digest[];

/** A server whose bucket is behind a proxy that does as `plan` says. */
async function start(
  kind: BucketPeer['kind'],
  mode: 'redirect' | 'proxy',
  tuning = PATIENT,
): Promise<void> {
  peer = await startBucketPeer(kind);
  proxy = await startFaultProxy(peer.origin, () => plan());
  store = await peer.open({ origin: proxy.origin, tuning });
  server = await startBlobServer({ store, mode, heal });
  await store.put(DIGEST, { bytes: CONTENT }, LAYER);
  peer.takeRequests();
}

async function heal(digest: Digest): Promise<boolean> {
  healed.push(digest);
  if (digest !== DIGEST) return false;
  await store.put(DIGEST, { bytes: CONTENT }, LAYER);
  return true;
}

beforeEach(() => {
  plan = () => null;
  healed = [];
});
afterEach(async () => {
  await server.close();
  await proxy.close();
  await peer.close();
});

function bodyOf(response: Response): Promise<Buffer> {
  return response.arrayBuffer().then((bytes) => Buffer.from(bytes));
}

function keyOf(digest: Digest): string {
  return `layers/${digest.slice('sha256:'.length)}`;
}

describe.each(BUCKET_KINDS)('blobs in a bucket (%s)', (kind) => {
  describe.each(['redirect', 'proxy'] as const)('by %s', (mode) => {
    beforeEach(() => start(kind, mode));

    it('are got whole', async () => {
      const response = await server.ask(DIGEST, { redirect: 'follow' });
      expect(response.status).toBe(200);
      expect(response.redirected).toBe(mode === 'redirect');
      expect(digestOf(await bodyOf(response))).toBe(DIGEST);
    });

    it('are got in part', async () => {
      const headers = { Range: 'bytes=1000-1999' };
      const response = await server.ask(DIGEST, { redirect: 'follow', headers });
      expect(response.status).toBe(206);
      expect(response.headers.get('content-range')).toBe(`bytes 1000-1999/${MIB}`);
      expect((await bodyOf(response)).equals(CONTENT.subarray(1000, 2000))).toBe(true);
    });

    it('are 416 beyond their end', async () => {
      const headers = { Range: `bytes=${MIB}-` };
      const response = await server.ask(DIGEST, { redirect: 'follow', headers });
      expect(response.status).toBe(416);
    });

    it('are described to HEAD without a redirect', async () => {
      const response = await server.ask(DIGEST, { method: 'HEAD' });
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-length': String(MIB),
        'content-type': 'application/octet-stream',
        'docker-content-digest': DIGEST,
        etag: `"${DIGEST}"`,
        'accept-ranges': 'bytes',
      });
      expect(peer.takeRequests()).toHaveLength(1);
    });

    it('are not sent to who has them', async () => {
      const headers = { 'If-None-Match': `"${DIGEST}"` };
      const response = await server.ask(DIGEST, { headers });
      expect(response.status).toBe(304);
      expect(response.headers.get('location')).toBeNull();
    });

    it.each(['GET', 'HEAD'])('are 404 to %s where there are none', async (method) => {
      const response = await server.ask(ABSENT, { method });
      expect(response.status).toBe(404);
      expect(healed).toEqual([ABSENT]);
    });

    it.each(['GET', 'HEAD'])('that are lost are made again for %s', async (method) => {
      await peer.remove(keyOf(DIGEST));
      const response = await server.ask(DIGEST, { method, redirect: 'follow' });
      expect(response.status).toBe(200);
      expect(healed).toEqual([DIGEST]);
      expect((await bodyOf(response)).length).toBe(method === 'GET' ? MIB : 0);
    });
  });

  it.each(['redirect', 'proxy'] as const)(
    'by %s are 503 in words of our own while the bucket fails, and not taken for lost',
    async (mode) => {
      await start(kind, mode, HASTY);
      plan = () => ({ kind: 'status', status: 503 });
      const [get, head] = await Promise.all([
        server.ask(DIGEST),
        server.ask(DIGEST, { method: 'HEAD' }),
      ]);
      expect([get.status, get.headers.get('retry-after'), head.status]).toEqual([503, '5', 503]);
      const message = 'the storage of this registry is not available';
      expect(await get.json()).toEqual({ errors: [{ code: 'TOOMANYREQUESTS', message }] });
      plan = () => null;
      await expect
        .poll(async () => (await server.ask(DIGEST, { redirect: 'follow' })).status)
        .toBe(200);
      expect(healed).toEqual([]);
    },
  );

  it('by redirect cost one look, and none for those who ask soon after; all get one address', async () => {
    await start(kind, 'redirect');
    const together = await Promise.all(Array.from({ length: 20 }, () => server.ask(DIGEST)));
    const later = await server.ask(DIGEST);
    const addresses = [...together, later].map(({ headers }) => headers.get('location'));
    expect(new Set(addresses).size).toBe(1);
    expect(addresses[0]).toMatch(/X-(?:Goog|Amz)-Signature=/);
    expect(together[0]?.headers.get('cache-control')).toBe('no-store');
    expect(peer.takeRequests()).toHaveLength(1);
  });

  it('by proxy cost one read', async () => {
    await start(kind, 'proxy');
    await bodyOf(await server.ask(DIGEST));
    expect(peer.takeRequests()).toHaveLength(1);
  });

  it('by proxy are whole where the bucket fails now and then', async () => {
    await start(kind, 'proxy');
    let answers = 0;
    plan = () => {
      answers += 1;
      return answers % 2 === 1 ? { kind: 'truncate-answer', at: 0.5 } : null;
    };
    const response = await server.ask(DIGEST);
    expect(response.status).toBe(200);
    expect(digestOf(await bodyOf(response))).toBe(DIGEST);
    expect(answers).toBeGreaterThan(1);
  });

  it('by proxy end with a broken connection, and never short, where the bucket goes on failing', async () => {
    await start(kind, 'proxy', HASTY);
    let answers = 0;
    plan = () => {
      answers += 1;
      return { kind: 'truncate-answer', at: answers === 1 ? 0.5 : 0 };
    };
    const response = await server.ask(DIGEST);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(MIB));
    await expect(bodyOf(response)).rejects.toThrow('terminated');
  });

  it('by proxy are read no faster than the client reads', async () => {
    await start(kind, 'proxy');
    const large = randomBytes(64 * MIB);
    const digest = digestOf(large);
    await peer.write(keyOf(digest), large);
    const counted = countReads(await peer.open());
    const other = await startBlobServer({ store: counted.store, mode: 'proxy', heal });
    try {
      const finish = await pausedDownload(other.port, digest);
      await expect.poll(() => counted.bytes()).toBeGreaterThan(0);
      await delay(500);
      // What fits into the buffers of connections.
      expect(counted.bytes()).toBeLessThan(32 * MIB);
      expect(await finish()).toBe(digest);
    } finally {
      await other.close();
    }
  });
});

/** A store that tells how many bytes have been taken from its blobs. */
function countReads(inner: BlobStore): { readonly store: BlobStore; readonly bytes: () => number } {
  let bytes = 0;
  async function* counted(body: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  function open(digest: Digest): Promise<OpenBlob>;
  function open(
    digest: Digest,
    range: ByteRange | undefined,
  ): Promise<OpenBlob | UnsatisfiableRange>;
  async function open(digest: Digest, range?: ByteRange): Promise<OpenBlob | UnsatisfiableRange> {
    const opened = await inner.open(digest, range);
    if (!opened.satisfiable) return opened;
    return { ...opened, body: Readable.from(counted(opened.body), { objectMode: false }) };
  }
  return { store: { ...inner, open }, bytes: () => bytes };
}

/** Asks for a blob, and reads nothing of its body until told to; then answers its digest. */
function pausedDownload(port: number, digest: Digest): Promise<() => Promise<Digest>> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`http://127.0.0.1:${port}/${digest}`, { agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      resolve(async () => digestOf(await buffer(response)));
    });
    sent.end();
  });
}
