import { randomUUID } from 'node:crypto';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Digest, ManifestRecord } from '@nixery/cache';
import { type BlobStore, createFilesystemStore } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseImageName } from './image-name.ts';
import { contentRecordName } from './record-names.ts';
import { createHarness, type Harness } from './testing/harness.ts';
import { prepareTestPackages } from './testing/packages.ts';

// Several servers and builds each, on a machine that may be busy.

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

function blobsOf(record: ManifestRecord): readonly Digest[] {
  const manifests = Object.values(record.forms).map(({ digest }) => digest);
  return [...manifests, record.config, ...record.layers];
}

function fileOf(digest: Digest): string {
  return join(server.dir, 'storage', 'layers', digest.slice('sha256:'.length));
}

function count(type: string): number {
  return server.events.filter((event) => event.type === type).length;
}

function rebuilt(): number {
  return server.events.filter((event) => event.type === 'started' && event.build.purpose === 'heal')
    .length;
}

async function missing(record: ManifestRecord): Promise<readonly Digest[]> {
  const gone: Digest[] = [];
  for (const digest of blobsOf(record)) {
    if (!(await server.store.stat(digest)).exists) gone.push(digest);
  }
  return gone;
}

/** As with a state folder that does not outlive its container. */
async function forgetAll(): Promise<void> {
  await server.stop();
  await rm(join(server.dir, 'state'), { recursive: true });
  server = await server.restart();
}

/** Starts over with a storage that loses this blob so many times. */
async function restartLosing(lost: Digest, times: number): Promise<void> {
  await server.stop();
  const store = await createFilesystemStore({ root: join(server.dir, 'storage') });
  let left = times;
  const put: BlobStore['put'] = async (digest, source, mediaType) => {
    await store.put(digest, source, mediaType);
    if (digest !== lost || left === 0) return;
    left -= 1;
    await store.delete(digest);
  };
  server = await server.restart({ store: { ...store, put } });
}

describe('a blob that the storage has lost', () => {
  it('is made again, whatever part of the image it was', async () => {
    const record = await pull('slow0/hello');
    for (const digest of blobsOf(record)) {
      await server.store.delete(digest);
      expect(await server.builder.heal(digest)).toBe(true);
      expect(await missing(record)).toEqual([]);
    }
    expect(rebuilt()).toBe(blobsOf(record).length);
  });

  it('is made again with all others, by one build for all who ask', async () => {
    const record = await pull('slow0/hello');
    const blobs = blobsOf(record);
    for (const digest of blobs) await server.store.delete(digest);
    const asked = Array.from({ length: 50 }, (_, i) => blobs[i % blobs.length] ?? record.config);
    const healed = await Promise.all(asked.map((digest) => server.builder.heal(digest)));
    expect(healed).not.toContain(false);
    expect(rebuilt()).toBe(1);
    expect(await missing(record)).toEqual([]);
    expect(await pull('slow0/hello')).toEqual(record);
  });

  it('is not made anew when it is there', async () => {
    const record = await pull('slow0');
    expect(await server.builder.heal(record.config)).toBe(true);
    expect(rebuilt()).toBe(0);
  });

  it('is not looked for when no image holds it', async () => {
    expect(await server.builder.heal(`sha256:${'0'.repeat(64)}`)).toBe(false);
    expect(rebuilt()).toBe(0);
  });

  it('that comes out otherwise costs the image its entries, and one build in ten minutes', async () => {
    const record = await pull('slow0');
    // The folder's packages are others now; the old ones cannot be had from it.
    await prepareTestPackages(join(server.dir, 'packages'), { salt: randomUUID() });
    const { digest } = record.forms.oci ?? { digest: record.config };
    for (const layer of record.layers) await server.store.delete(layer);
    await server.store.delete(digest);

    expect(await server.builder.heal(digest)).toBe(false);
    expect(rebuilt()).toBe(1);
    expect(await server.builder.heal(digest)).toBe(false);
    expect(rebuilt()).toBe(1);
    expect(count('lost')).toBe(1);

    const now = await pull('slow0');
    expect(now.forms.oci?.digest).not.toBe(digest);
    expect(await missing(now)).toEqual([]);
  });

  it('whose image fails to build now costs the image its entries', async () => {
    const record = await pull('slow0');
    await writeFile(join(server.dir, 'packages', 'default.nix'), '{ ... }: { }');
    await server.store.delete(record.config);
    expect(await server.builder.heal(record.config)).toBe(false);
    expect(server.events.find((event) => event.type === 'lost')?.error?.code).toBe(
      'package-not-found',
    );
    await expect(pull('slow0')).rejects.toMatchObject({ code: 'package-not-found' });
  });
});

describe('a layer of an image that the cache does not know', () => {
  it('is made again, also for who has not been given the manifest here', async () => {
    const record = await pull('slow0');
    for (const lost of [...record.layers, record.config]) {
      await forgetAll();
      await server.store.delete(lost);
      expect(await server.builder.heal(lost)).toBe(true);
      expect(await missing(record)).toEqual([]);
      expect(rebuilt()).toBe(1);
    }
  });

  it('is made again from another image, where it was packed for that one', async () => {
    const [{ layers }, other] = [await pull('slow0'), await pull('slow0/slow1')];
    const [shared = other.config] = other.layers.filter((layer) => layers.includes(layer));
    await forgetAll();
    for (const lost of blobsOf(other)) await server.store.delete(lost);
    expect(await server.builder.heal(shared)).toBe(true);
    expect((await server.store.stat(shared)).exists).toBe(true);
  });

  it('is not made from a record that does not name it', async () => {
    const [mine, other] = [await pull('slow0'), await pull('slow1')];
    const [layer = mine.config] = mine.layers.filter((digest) => !other.layers.includes(digest));
    await forgetAll();
    await server.store.delete(layer);
    await server.store.deleteObject(contentRecordName(layer));
    const wrong = Buffer.from(other.forms.oci?.digest ?? other.config);
    await server.store.putObjectIfAbsent(contentRecordName(layer), wrong);
    expect(await server.builder.heal(layer)).toBe(false);
    expect(rebuilt()).toBe(0);
  });

  it('is made again once the image’s manifest was given to somebody, where nothing was noted of its layers', async () => {
    const record = await pull('slow0');
    const layer = record.layers[0] ?? record.config;
    await forgetAll();
    await server.store.delete(layer);
    // As versions before this one have left it.
    await server.store.deleteObject(contentRecordName(layer));
    expect(await server.builder.heal(layer)).toBe(false);

    const learned = server.builder.learn(record.forms.oci?.digest ?? record.config);
    expect(await server.builder.heal(layer)).toBe(true);
    await learned;
    expect(await missing(record)).toEqual([]);
  });
});

describe('a blob that another server deletes just when it has been made again', () => {
  it('is made once more', async () => {
    const record = await pull('slow0');
    const layer = record.layers[0] ?? record.config;
    await restartLosing(layer, 1);
    await server.store.delete(layer);
    expect(await server.builder.heal(layer)).toBe(true);
    expect(await missing(record)).toEqual([]);
    expect([rebuilt(), count('healed'), count('lost')]).toEqual([2, 1, 0]);
  });

  it('again and again is not forgotten, but the storage’s fault', async () => {
    const record = await pull('slow0');
    const layer = record.layers[0] ?? record.config;
    await restartLosing(layer, Infinity);
    await server.store.delete(layer);
    await expect(server.builder.heal(layer)).rejects.toMatchObject({ code: 'unavailable' });
    expect(count('lost')).toBe(0);
    expect(await server.cache.findManifestWith(layer)).not.toBeNull();
  });
});

describe('a blob that the storage holds damaged', () => {
  it('is replaced when its size is wrong', async () => {
    const record = await pull('slow0');
    const layer = record.layers[0] ?? record.config;
    const { size } = await server.store.open(layer).then((opened) => {
      opened.body.destroy();
      return opened;
    });
    await truncate(fileOf(layer), size - 1);
    expect(await server.builder.heal(layer)).toBe(true);
    expect(await server.store.stat(layer)).toMatchObject({ size });
  });

  it('is replaced when only its content is wrong, by who has read it', async () => {
    const record = await pull('slow0');
    const layer = record.layers[0] ?? record.config;
    const status = await server.store.stat(layer);
    if (!status.exists) throw new Error('not stored');
    await writeFile(fileOf(layer), Buffer.alloc(status.size));
    expect(await server.builder.heal(layer)).toBe(true);
    expect(rebuilt()).toBe(0);
    expect(await server.builder.heal(layer, { thorough: true })).toBe(true);
    expect(rebuilt()).toBe(1);
    expect(await server.builder.heal(layer, { thorough: true })).toBe(true);
    expect(rebuilt()).toBe(1);
  });
});
