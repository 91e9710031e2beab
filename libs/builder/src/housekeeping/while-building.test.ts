import { randomUUID } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import type { Digest, ManifestRecord } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { parseImageName } from '../image-name.ts';
import { writePulls } from '../pull-times.ts';
import { createHarness, type Harness } from '../testing/harness.ts';
import { present } from '../testing/stored-image.ts';
import { collectGarbage, type CollectionReport, MIN_GRACE_MS } from './collect.ts';

// Several builds each, on a machine that may be busy.

const DAY = 24 * 60 * 60 * 1000;

let server: Harness;
beforeEach(async () => {
  server = await createHarness({}, randomUUID());
});
afterEach(async () => {
  await server.stop();
  await server.remove();
});

async function pull(name: string): Promise<ManifestRecord> {
  return await server.builder.image(parseImageName(name, 'latest'));
}

function blobsOf({ config, forms, layers }: ManifestRecord): readonly Digest[] {
  return [...Object.values(forms).map(({ digest }) => digest), config, ...layers];
}

/** Makes all that is stored look as if nobody had wanted it for long, and the server forget what it has looked at. */
async function ageAll(): Promise<void> {
  const time = new Date(Date.now() - 90 * DAY);
  for (const folder of ['layers', 'gc']) {
    const path = join(server.dir, 'storage', folder);
    for (const name of await readdir(path)) await utimes(join(path, name), time, time);
  }
  await server.stop();
  server = await server.restart();
  await writePulls(server.store, { since: Date.now() - 100 * DAY, times: new Map() });
}

async function collect(store: BlobStore = server.store): Promise<CollectionReport> {
  return await collectGarbage({
    store,
    maxAgeMs: 30 * DAY,
    maxBytes: null,
    graceMs: MIN_GRACE_MS,
    delete: true,
  });
}

/** The store, which waits at the first `operation` until it is told to go on. */
function pausing(operation: 'delete' | 'putObjectIfAbsent') {
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  async function pause(): Promise<void> {
    reached.resolve();
    await goOn.promise;
  }
  const { store } = server;
  const paused: BlobStore = {
    ...store,
    ...(operation === 'delete'
      ? { delete: async (digest) => (await pause(), await store.delete(digest)) }
      : {
          putObjectIfAbsent: async (name, bytes) => {
            await pause();
            return await store.putObjectIfAbsent(name, bytes);
          },
        }),
  };
  return { store: paused, reached: reached.promise, goOn: () => goOn.resolve() };
}

async function missing(record: ManifestRecord): Promise<readonly Digest[]> {
  const found = new Set(await present(server.store, blobsOf(record)));
  return blobsOf(record).filter((digest) => !found.has(digest));
}

describe('a build that names old layers of an image that nobody wants any more', () => {
  it('keeps them, when collection has found them to be garbage before the build began', async () => {
    const old = await pull('slow0/sharesa');
    await ageAll();
    const { goOn, reached, store } = pausing('putObjectIfAbsent');
    const collecting = collect(store);
    await reached;
    const fresh = await pull('slow0/sharesb');
    goOn();
    const report = await collecting;
    expect(report.end).toBe('done');
    expect(report.spared).toBeGreaterThan(0);
    expect(await missing(fresh)).toEqual([]);
    const shared = old.layers.filter((layer) => fresh.layers.includes(layer));
    expect(shared.length).toBeGreaterThan(0);
    expect(await present(server.store, old.layers)).toEqual(shared);
  });

  it('packs them again, when collection is just deleting them', async () => {
    await pull('slow0/sharesa');
    await ageAll();
    const { goOn, reached, store } = pausing('delete');
    const collecting = collect(store);
    await reached;
    const building = pull('slow0/sharesb');
    // It waits for the collection, which deletes all it has said.
    await vi.waitFor(
      async () => expect((await readdir(join(server.dir, 'storage', 'gc'))).length).toBe(2),
      { timeout: 60_000, interval: 20 },
    );
    goOn();
    expect((await collecting).spared).toBe(0);
    expect(await missing(await building)).toEqual([]);
  });

  it('finds them, when collection comes once it is done', async () => {
    await pull('slow0/sharesa');
    await ageAll();
    const fresh = await pull('slow0/sharesb');
    await collect();
    expect(await missing(fresh)).toEqual([]);
  });
});

it('an image that a build makes anew, of the same bytes as one that is being collected, stays', async () => {
  const old = await pull('slow0/hello');
  await ageAll();
  await server.cache.dropManifest({ digest: old.config });
  const { goOn, reached, store } = pausing('putObjectIfAbsent');
  const collecting = collect(store);
  await reached;
  const again = await pull('slow0/hello');
  expect(again.forms).toEqual(old.forms);
  goOn();
  await collecting;
  expect(await missing(again)).toEqual([]);
});

describe('an image that was collected', () => {
  it('is built again for the server that still believes in it, with the same digests', async () => {
    const old = await pull('slow0/hello');
    await ageAll();
    expect((await collect()).images).toEqual({ kept: 0, dropped: 1 });
    expect(await present(server.store, blobsOf(old))).toEqual([]);
    // Its cache answers without looking; whoever then asks for a blob has it made.
    expect((await pull('slow0/hello')).forms).toEqual(old.forms);
    expect(await server.builder.heal(old.config)).toBe(true);
    expect(await missing(old)).toEqual([]);
  });

  it('is built again by its digest for a server that never knew it', async () => {
    const old = await pull('slow0/hello');
    await ageAll();
    await collect();
    await server.cache.dropManifest({ digest: old.config });
    for (const layer of old.layers) await server.cache.dropLayer({ digest: layer });
    for (const { digest } of Object.values(old.forms)) {
      expect(await server.builder.heal(digest)).toBe(true);
    }
    expect(await missing(old)).toEqual([]);
  });
});
