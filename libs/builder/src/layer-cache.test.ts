import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type CacheClient, createCache } from '@nixery/cache';
import { type BlobStore, createFilesystemStore, type Digest } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LayerCache, type LayerFollower, type WantedLayer } from './layer-cache.ts';
import { packLayer } from './layer/pack.ts';
import { Leases } from './leases.ts';

let dir: string;
let cache: CacheClient;
let store: BlobStore;
let layers: LayerCache;
/** Names of what was packed, in order. */
let packed: string[];
/** Set to hold up a look at the storage, which takes it off. */
let gate: PromiseWithResolvers<void> | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-layers-'));
  for (const folder of ['store', 'spool']) await mkdir(join(dir, folder));
  cache = createCache({ file: ':memory:' });
  const real = await createFilesystemStore({ root: join(dir, 'storage') });
  store = {
    ...real,
    stat: async (digest) => {
      const held = gate;
      gate = undefined;
      await held?.promise;
      return await real.stat(digest);
    },
  };
  const spoolDir = join(dir, 'spool');
  layers = new LayerCache({ cache, store, leases: new Leases(store), shared: undefined, spoolDir });
  packed = [];
});
afterEach(async () => {
  await cache.stop();
  await rm(dir, { recursive: true });
});

/** A layer of one file. */
async function want(name: string): Promise<WantedLayer> {
  const base = `${'0'.repeat(32)}-${name}`;
  await writeFile(join(dir, 'store', base), name);
  const path = `/nix/store/${base}`;
  return {
    key: name,
    paths: [{ path, narHash: `sha256:${'0'.repeat(64)}` }],
    pack: (spoolFile) => {
      packed.push(name);
      const compression = { format: 'gzip', level: 1 } as const;
      const task = { paths: [path], storeDir: join(dir, 'store'), spoolFile, compression };
      return Promise.resolve(packLayer(task));
    },
  };
}

/** @returns how each layer was come by */
async function obtain(...wanted: readonly WantedLayer[]): Promise<Record<string, string>> {
  const origins: Record<string, string> = {};
  const follower: LayerFollower = {
    packed: () => {},
    stored: ({ key }, origin) => {
      origins[key] = origin;
    },
  };
  await layers.obtain(wanted, follower);
  return origins;
}

async function digestOf(key: string): Promise<Digest> {
  const record = (await cache.getLayers([key])).get(key);
  if (record === undefined) throw new Error(`the cache knows no layer ${key}`);
  return record.digest;
}

describe('a layer', () => {
  it('is packed once for all who miss it at the same time, and known from then on', async () => {
    const a = await want('a');
    const both = await Promise.all([obtain(a), obtain(a)]);
    expect(both).toEqual([{ a: 'packed' }, { a: 'shared' }]);
    expect(await obtain(a)).toEqual({ a: 'known' });
    expect(packed).toEqual(['a']);
    expect(await readdir(join(dir, 'spool'))).toEqual([]);
  });

  it('is not packed again by who asked before, and looked at the storage until, it was packed', async () => {
    const [known, missed] = [await want('known'), await want('missed')];
    await obtain(known);
    layers.distrust([await digestOf('known')]);

    const held = Promise.withResolvers<void>();
    gate = held;
    const slow = obtain(known, missed);
    await expect.poll(() => gate).toBeUndefined();
    expect(await obtain(missed)).toEqual({ missed: 'packed' });
    held.resolve();
    expect(await slow).toEqual({ known: 'known', missed: 'known' });
    expect(packed).toEqual(['known', 'missed']);
  });

  it('that the storage has lost is packed again', async () => {
    const a = await want('a');
    await obtain(a);
    const digest = await digestOf('a');
    await store.delete(digest);
    layers.distrust([digest]);
    expect(await obtain(a)).toEqual({ a: 'packed' });
    expect(await store.stat(digest)).toMatchObject({ exists: true });
  });

  it('that cannot be packed fails after the others have ended, and leaves nothing in the spool', async () => {
    const [a, gone] = [await want('a'), await want('gone')];
    await rm(join(dir, 'store', `${'0'.repeat(32)}-gone`));
    await expect(obtain(gone, a)).rejects.toMatchObject({ code: 'internal' });
    expect(packed).toEqual(['gone', 'a']);
    expect(await obtain(a)).toEqual({ a: 'known' });
    expect(await readdir(join(dir, 'spool'))).toEqual([]);
  });
});
