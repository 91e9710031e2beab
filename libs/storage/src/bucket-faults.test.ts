import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tuning } from './bucket/tuning.ts';
import { digestOf } from './digest.ts';
import type { BlobStore } from './store.ts';
import { FAULT_KINDS, randomFaults, type FaultKind, type FaultPlan } from './testing/faults.ts';
import { startFaultProxy, type FaultProxy } from './testing/fault-proxy.ts';
import { LAYER_TYPE, MIB } from './testing/harness.ts';
import { createRun } from './testing/faulted-run.ts';
import { BUCKET_KINDS, startBucketPeer, type BucketPeer } from './testing/peer.ts';
import { createRandom } from './testing/random.ts';

const LONG = process.env['NIXERY_TEST_LONG'] === '1';
/** Operations that meet at least one fault each; those that meet none are not counted. */
const FAULTED_OPERATIONS = LONG ? 1000 : 40;
/** Replicas at work at the same time: stalls and pauses of one are the others' time. */
const REPLICAS = 4;
/** A run that failed is run again with its seed. */
const SEED = Number(process.env['NIXERY_TEST_SEED'] ?? Date.now() % 1_000_000);

const TUNING: Partial<Tuning> = {
  idleMs: 1_000,
  deadlineMs: 15_000,
  uploadDeadlineMs: 30_000,
  firstDelayMs: 5,
  maxDelayMs: 100,
  partBytes: 5 * MIB,
};

function noFaults(): null {
  return null;
}

describe.each(BUCKET_KINDS)(`behind a network with faults (seed ${SEED}), %s`, (kind) => {
  let folder: string;
  let peer: BucketPeer;
  let proxy: FaultProxy;
  /** The store under test. */
  let store: BlobStore;
  /** The same bucket, without faults. */
  let truth: BlobStore;
  let plan: FaultPlan = noFaults;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-faults-'));
    peer = await startBucketPeer(kind, { pageSize: 20 });
    proxy = await startFaultProxy(peer.origin, () => plan());
    store = await peer.open({ origin: proxy.origin, tuning: TUNING });
    truth = await peer.open();
  });
  afterAll(async () => {
    await proxy.close();
    await peer.close();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    'uploads end whole or not at all, and reads give the right bytes or fail',
    { timeout: LONG ? 3_600_000 : 300_000 },
    async () => {
      const run = createRun(truth, folder);
      const replicas = await Promise.all(
        Array.from({ length: REPLICAS }, (_, index) => startReplica(peer, SEED + index)),
      );
      let faulted = 0;
      try {
        await Promise.all(
          replicas.map(async ({ faults, random, store }) => {
            while (faulted < FAULTED_OPERATIONS) {
              const before = faults();
              await run.step(store, random);
              if (faults() > before) faulted += 1;
            }
          }),
        );
        await run.audit();
      } finally {
        for (const replica of replicas) await replica.close();
      }
      const met = new Map<FaultKind, number>();
      for (const replica of replicas) {
        for (const [fault, count] of replica.met) met.set(fault, (met.get(fault) ?? 0) + count);
      }
      const total = run.outcomes.done + run.outcomes.failed;
      console.log(
        `${kind}: ${total} operations, ${faulted} with faults, ${run.outcomes.failed} failed; faults:`,
        JSON.stringify(Object.fromEntries(met)),
      );
      expect(run.violations).toEqual([]);
      expect(faulted).toBeGreaterThanOrEqual(FAULTED_OPERATIONS);
      // Faults are what this is about, and retries what makes most operations succeed all the same.
      expect(run.outcomes.done).toBeGreaterThan(total / 2);
      expect(met.size).toBeGreaterThan(LONG ? FAULT_KINDS.length - 1 : FAULT_KINDS.length / 2);
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
    const hasty = await peer.open({
      origin: proxy.origin,
      tuning: { ...TUNING, deadlineMs: 1000 },
    });
    plan = () => ({ kind: 'stall-request' });
    const stat = hasty.stat(digestOf(randomBytes(1)));
    await expect(stat).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
  });
});

/** A server's store, behind a network with faults of its own. */
interface Replica {
  readonly store: BlobStore;
  readonly random: () => number;
  readonly met: ReadonlyMap<FaultKind, number>;
  /** How many its requests have met. */
  readonly faults: () => number;
  readonly close: () => Promise<void>;
}

async function startReplica(peer: BucketPeer, seed: number): Promise<Replica> {
  const faults = randomFaults(seed, 0.3);
  let isOpen = false;
  const proxy = await startFaultProxy(peer.origin, () => (isOpen ? faults() : null));
  const store = await peer.open({ origin: proxy.origin, tuning: TUNING });
  isOpen = true;
  return {
    store,
    random: createRandom(seed),
    met: proxy.met,
    faults: () => proxy.met.values().reduce((sum, count) => sum + count, 0),
    close: () => proxy.close(),
  };
}
