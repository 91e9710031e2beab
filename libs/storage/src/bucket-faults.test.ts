import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tuning } from './bucket/tuning.ts';
import { digestOf } from './digest.ts';
import { createGcsStore } from './gcs/store.ts';
import { createS3Store } from './s3/store.ts';
import type { BlobStore } from './store.ts';
import { FAULT_KINDS, randomFaults, type FaultPlan } from './testing/faults.ts';
import { startFaultProxy, type FaultProxy } from './testing/fault-proxy.ts';
import { startGcsServer } from './testing/gcs-server/server.ts';
import { LAYER_TYPE, MIB } from './testing/harness.ts';
import { createRun } from './testing/faulted-run.ts';
import { createRandom } from './testing/random.ts';
import { CREDENTIALS } from './testing/s3-server/signature.ts';
import { startS3Server } from './testing/s3-server/server.ts';

const LONG = process.env['NIXERY_TEST_LONG'] === '1';
const OPERATIONS = LONG ? 1000 : 40;
/** A run that failed is run again with its seed. */
const SEED = Number(process.env['NIXERY_TEST_SEED'] ?? Date.now() % 1_000_000);
const BUCKET = 'images';

const TUNING: Partial<Tuning> = {
  idleMs: 300,
  deadlineMs: 15_000,
  uploadDeadlineMs: 30_000,
  firstDelayMs: 5,
  maxDelayMs: 100,
  partBytes: 5 * MIB,
};

function noFaults(): null {
  return null;
}

interface Peer {
  readonly origin: string;
  open(origin: string, tuning?: Partial<Tuning>): Promise<BlobStore>;
  readonly close: () => Promise<void>;
}

async function gcsPeer(): Promise<Peer> {
  const server = await startGcsServer({ bucket: BUCKET, pageSize: 20 });
  return {
    origin: server.endpoint,
    open: (apiEndpoint, tuning = TUNING) => createGcsStore({ bucket: BUCKET, apiEndpoint, tuning }),
    close: server.close,
  };
}

async function s3Peer(): Promise<Peer> {
  const server = await startS3Server({ bucket: BUCKET });
  const credentials = CREDENTIALS;
  return {
    origin: server.endpoint,
    open: (endpoint, tuning = TUNING) =>
      createS3Store({ bucket: BUCKET, endpoint, credentials, tuning }),
    close: server.close,
  };
}

describe.each([
  { name: 'Cloud Storage', startPeer: gcsPeer },
  { name: 'S3', startPeer: s3Peer },
])(`behind a network with faults (seed ${SEED}), $name`, ({ startPeer }) => {
  let folder: string;
  let peer: Peer;
  let proxy: FaultProxy;
  /** The store under test. */
  let store: BlobStore;
  /** The same bucket, without faults. */
  let truth: BlobStore;
  let plan: FaultPlan = noFaults;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-faults-'));
    peer = await startPeer();
    proxy = await startFaultProxy(peer.origin, () => plan());
    store = await peer.open(proxy.origin);
    truth = await peer.open(peer.origin);
  });
  afterAll(async () => {
    await proxy.close();
    await peer.close();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    'uploads end whole or not at all, and reads give the right bytes or fail',
    { timeout: LONG ? 3_600_000 : 120_000 },
    async () => {
      plan = randomFaults(SEED, 0.3);
      const run = createRun(store, truth, folder, createRandom(SEED));
      for (let count = 0; count < OPERATIONS; count += 1) await run.step();
      plan = noFaults;
      await run.audit();
      console.log(`${OPERATIONS} operations:`, run.outcomes, Object.fromEntries(proxy.met));
      expect(run.violations).toEqual([]);
      // Faults are what this is about, and retries what makes most operations succeed all the same.
      expect(run.outcomes.done).toBeGreaterThan(OPERATIONS / 2);
      expect(proxy.met.size).toBeGreaterThan(FAULT_KINDS.length / 2);
    },
  );

  test('a download that goes on failing ends with an error, never early', async () => {
    const bytes = randomBytes(2 * MIB);
    plan = noFaults;
    await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
    plan = () => ({ kind: 'truncate-answer', at: 0 });
    const opened = store.open(digestOf(bytes));
    await expect(opened.then(({ body }) => buffer(body))).rejects.toMatchObject({
      name: 'BlobError',
      code: 'unavailable',
    });
  });

  test('a download goes on where it was broken off', async () => {
    const bytes = randomBytes(4 * MIB);
    plan = noFaults;
    await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
    plan = () => ({ kind: 'truncate-answer', at: 0.5 });
    const { body } = await store.open(digestOf(bytes));
    const broken = proxy.met.get('truncate-answer') ?? 0;
    plan = noFaults;
    expect(digestOf(await buffer(body))).toBe(digestOf(bytes));
    expect(broken).toBeGreaterThan(0);
  });

  test('an operation on a peer that never answers ends at its deadline', async () => {
    plan = noFaults;
    const hasty = await peer.open(proxy.origin, { ...TUNING, deadlineMs: 1000 });
    plan = () => ({ kind: 'stall-request' });
    const stat = hasty.stat(digestOf(randomBytes(1)));
    await expect(stat).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
  });
});
