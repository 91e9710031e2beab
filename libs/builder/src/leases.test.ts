import { randomBytes } from 'node:crypto';

import type { BlobStore, Digest } from '@nixery/storage';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Sweep, type Swept } from './housekeeping/sweep.ts';
import { Leases, readDigests, writeDigests } from './leases.ts';
import { RECORD_PREFIXES } from './record-names.ts';
import { type AgeableStore, openFolder } from './testing/ageable-stores.ts';
import { present, putLayer } from './testing/stored-image.ts';

const DAY = 24 * 60 * 60 * 1000;

let peer: AgeableStore;
let store: BlobStore;
beforeEach(async () => {
  peer = await openFolder();
  ({ store } = peer);
});
afterEach(() => peer.close());

async function oldLayer(): Promise<Digest> {
  const digest = await putLayer(store);
  await peer.age(digest, 30 * DAY);
  return digest;
}

async function sweep(digests: readonly Digest[], through: BlobStore = store): Promise<Swept> {
  return await new Sweep({ store: through, before: Date.now() - DAY }).run(digests);
}

async function leases(): Promise<readonly (readonly Digest[] | 'unreadable')[]> {
  const found: (readonly Digest[] | 'unreadable')[] = [];
  for await (const { name } of store.listObjects(RECORD_PREFIXES.leases)) {
    found.push(await readDigests(store, name));
  }
  return found;
}

describe('a lease', () => {
  it('keeps old blobs from being deleted, for a day', async () => {
    const [held, other] = [await oldLayer(), await oldLayer()];
    expect(await new Leases(store).hold([held])).toEqual(new Map([[held, 1000]]));
    expect(await sweep([held, other])).toEqual({ end: 'done', deleted: [other], spared: 1 });
    for await (const { name } of store.listObjects(RECORD_PREFIXES.leases)) {
      await peer.age(name, DAY + 1000);
    }
    expect((await sweep([held])).deleted).toEqual([held]);
  });

  it('is written for old blobs alone, once for all of them, and not again the next time', async () => {
    const old = [await oldLayer(), await oldLayer()];
    const young = await putLayer(store);
    const missing: Digest = `sha256:${'0'.repeat(64)}`;
    const held = new Leases(store);
    const found = await held.hold([...old, young, missing]);
    expect(found.keys().toArray().toSorted()).toEqual([...old, young].toSorted());
    await held.hold(old);
    const written = await leases();
    expect(written).toHaveLength(1);
    expect(new Set(written[0])).toEqual(new Set(old));
  });

  it('that cannot be read keeps everything', async () => {
    const old = await oldLayer();
    await store.putObjectIfAbsent(`${RECORD_PREFIXES.leases}x`, randomBytes(10));
    expect(await sweep([old])).toEqual({ end: 'done', deleted: [], spared: 1 });
  });
});

describe('a sweep', () => {
  it('spares what was put again after it was found to be old', async () => {
    const digest = await putLayer(store);
    expect(await sweep([digest])).toEqual({ end: 'done', deleted: [], spared: 1 });
  });

  it('is waited for by who needs what it deletes, and by nobody else', async () => {
    const [wanted, other] = [await oldLayer(), await oldLayer()];
    const name = await writeDigests(store, RECORD_PREFIXES.sweeps, [wanted]);
    expect((await new Leases(store).hold([other])).has(other)).toBe(true);
    const holding = new Leases(store).hold([wanted]);
    await store.delete(wanted);
    await store.deleteObject(name);
    expect(await holding).toEqual(new Map());
  });

  it('of a collection that died an hour ago is waited for by nobody', async () => {
    const wanted = await oldLayer();
    const name = await writeDigests(store, RECORD_PREFIXES.sweeps, [wanted]);
    await peer.age(name, DAY);
    expect((await new Leases(store).hold([wanted])).has(wanted)).toBe(true);
  });

  it('gives way to another that is under way', async () => {
    const digest = await oldLayer();
    await writeDigests(store, RECORD_PREFIXES.sweeps, []);
    expect(await sweep([digest])).toEqual({ end: 'busy', deleted: [], spared: 0 });
  });

  it('does not trust ages by a clock that is hours away', async () => {
    const digest = await oldLayer();
    const through: BlobStore = {
      ...store,
      async putObjectIfAbsent(name, bytes) {
        const put = await store.putObjectIfAbsent(name, bytes);
        await peer.age(name, DAY);
        return put;
      },
    };
    expect((await sweep([digest], through)).end).toBe('clock');
  });

  it('does not delete where it cannot see what was just written', async () => {
    const digest = await oldLayer();
    const through: BlobStore = { ...store, async *listObjects() {} };
    expect((await sweep([digest], through)).end).toBe('blind');
    expect(await present(store, [digest])).toEqual([digest]);
  });

  it('stops between two blobs when it is interrupted, and leaves no word behind', async () => {
    const digests = await Promise.all(Array.from({ length: 40 }, () => oldLayer()));
    const interrupted = new AbortController();
    const options = { store, before: Date.now() - DAY, signal: interrupted.signal };
    const swept = await new Sweep({
      ...options,
      onProgress: () => interrupted.abort(),
    }).run(digests);
    expect(swept.end).toBe('interrupted');
    expect(swept.deleted.length).toBeLessThan(digests.length);
    expect(await present(store, digests)).toHaveLength(digests.length - swept.deleted.length);
    for await (const { name } of store.listObjects(RECORD_PREFIXES.sweeps)) expect(name).toBe('');
  });
});

it('in whatever order a build and a collection come to act, what the build was told is there stays', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const digest = await oldLayer();
      /** The store as one of the two sees it: each answer comes when the scheduler says so. */
      const seen = (who: string): BlobStore => ({
        ...store,
        stat: scheduler.scheduleFunction(async (d: Digest) => await store.stat(d)),
        delete: scheduler.scheduleFunction(async (d: Digest) => await store.delete(d)),
        getObject: scheduler.scheduleFunction(async (name) => await store.getObject(name)),
        putObjectIfAbsent: scheduler.scheduleFunction(
          async (name, bytes) => await store.putObjectIfAbsent(name, bytes),
        ),
        deleteObject: scheduler.scheduleFunction(async (name) => await store.deleteObject(name)),
        async *listObjects(prefix) {
          await scheduler.schedule(Promise.resolve(), who);
          yield* store.listObjects(prefix);
        },
      });
      const both = Promise.all([
        new Leases(seen('build')).hold([digest]),
        sweep([digest], seen('collection')),
      ]);
      const [held, swept] = await scheduler.waitFor(both);
      expect(swept.end).toBe('done');
      expect(await present(store, [digest])).toEqual([...held.keys()]);
      expect(swept.deleted).toEqual(held.has(digest) ? [] : [digest]);
      for await (const { name } of store.listObjects('gc/')) await store.deleteObject(name);
    }),
    { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 100) },
  );
});
