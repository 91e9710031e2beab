import type { BlobStore, Digest } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { imageRecordName, layerRecordName, revisionRecordName } from '../record-names.ts';
import { writePulls } from '../pull-times.ts';
import { AGEABLE_STORES, type AgeableStore } from '../testing/ageable-stores.ts';
import { present, type PutImage, putImage, putIndex, putLayer } from '../testing/stored-image.ts';
import { collectGarbage, type CollectOptions, MIN_GRACE_MS } from './collect.ts';

const DAY = 24 * 60 * 60 * 1000;

describe.each(AGEABLE_STORES)('collection in $name', ({ open }) => {
  let peer: AgeableStore;
  let store: BlobStore;
  beforeEach(async () => {
    peer = await open();
    ({ store } = peer);
  });
  afterEach(() => peer.close());

  async function collect(options: Partial<CollectOptions> = {}) {
    return await collectGarbage({
      store,
      maxAgeMs: null,
      maxBytes: null,
      graceMs: MIN_GRACE_MS,
      delete: true,
      ...options,
    });
  }

  async function image(layers: readonly Digest[] = []): Promise<PutImage> {
    return await putImage(store, [...layers, await putLayer(store)]);
  }

  async function ageImage({ all }: PutImage, days: number): Promise<void> {
    for (const digest of all) await peer.age(digest, days * DAY);
  }

  /** As servers do: an image was pulled so many days ago; since 100 days ago all pulls are known. */
  async function pulled(...pulls: readonly (readonly [Digest, number])[]): Promise<void> {
    const now = Date.now();
    const times = new Map(pulls.map(([digest, days]) => [digest, now - days * DAY]));
    await writePulls(store, { since: now - 100 * DAY, times });
  }

  it('removes old blobs that no manifest refers to, and nothing else', async () => {
    const kept = await image();
    await ageImage(kept, 50);
    const orphan = await putLayer(store, 5000);
    await peer.age(orphan, 2 * DAY);
    const young = await putLayer(store, 300);
    expect(await collect()).toMatchObject({
      end: 'done',
      deleted: true,
      images: { kept: 1, dropped: 0 },
      kept: { count: kept.all.length },
      removed: { count: 1, bytes: 5000 },
      young: { count: 1, bytes: 300 },
    });
    expect(await present(store, [...kept.all, orphan, young])).toEqual([...kept.all, young]);
  });

  it('only tells what it would remove unless told to delete', async () => {
    const orphan = await putLayer(store);
    await peer.age(orphan, 2 * DAY);
    expect(await collect({ delete: false })).toMatchObject({
      deleted: false,
      removed: { count: 1, bytes: 1000 },
    });
    expect(await present(store, [orphan])).toEqual([orphan]);
  });

  it('ends uploads that were begun before the grace and never ended, and no others', async () => {
    const isTold = await peer.leaveUpload(2 * DAY);
    expect(await collect({ delete: false })).toMatchObject({ uploads: isTold ? 1 : 0 });
    expect(await collect({ graceMs: 3 * DAY })).toMatchObject({ uploads: 0 });
    expect(await collect()).toMatchObject({ uploads: isTold ? 1 : 0 });
    expect(await collect()).toMatchObject({ uploads: 0 });
    await peer.leaveUpload(DAY / 2);
    expect(await collect()).toMatchObject({ uploads: 0 });
  });

  it('lets go of images that nobody has pulled for long, but not of what others share with them', async () => {
    const shared = await putLayer(store);
    const old = await image([shared]);
    const used = await image([shared]);
    for (const each of [old, used]) await ageImage(each, 90);
    await pulled([old.docker, 40], [used.oci, 60]);
    await pulled([used.oci, 3]);
    await pulled([used.oci, 70]);
    const report = await collect({ maxAgeMs: 30 * DAY });
    expect(report.images).toEqual({ kept: 1, dropped: 1 });
    expect(await present(store, [...old.all, ...used.all])).toEqual([shared, ...used.all]);
  });

  it('keeps for its age no image while it does not know how long pulls have been noted', async () => {
    const old = await image();
    await ageImage(old, 90);
    expect(await collect({ maxAgeMs: 30 * DAY, maxBytes: 0 })).toMatchObject({
      pullsSince: null,
      images: { kept: 1, dropped: 0 },
    });
  });

  it('keeps an index with its images, and lets go of them together', async () => {
    const children = [await image(), await image()];
    const index = await putIndex(store, children);
    const all = [index, ...children.flatMap((child) => child.all)];
    for (const digest of all) await peer.age(digest, 90 * DAY);
    await pulled([index, 3]);
    await collect({ maxAgeMs: 30 * DAY });
    expect(await present(store, [index, ...children.flatMap((c) => [c.oci, ...c.layers])])).toEqual(
      [index, ...children.flatMap((c) => [c.oci, ...c.layers])],
    );
    for (const digest of await present(store, all)) await peer.age(digest, 90 * DAY);
    await collect({ maxAgeMs: DAY });
    expect(await present(store, all)).toEqual([]);
  });

  it('frees space by the images that were pulled least recently', async () => {
    const images = [await image(), await image(), await image()];
    for (const [i, each] of images.entries()) await ageImage(each, 90 - i);
    await pulled(...images.map(({ oci }, i) => [oci, [20, 50, 5][i] ?? 0] as const));
    const total = (await collect({ delete: false })).kept.bytes;
    await collect({ maxBytes: total - 1 });
    const [first, second, third] = images.map(({ all }) => all);
    expect(await present(store, second ?? [])).toEqual([]);
    expect(await present(store, [...(first ?? []), ...(third ?? [])])).toHaveLength(8);
  });

  it('keeps what records of other makers name, and the records', async () => {
    const nixerys = await image();
    const layer = await putLayer(store);
    for (const digest of [...nixerys.all, layer]) await peer.age(digest, 90 * DAY);
    await pulled();
    await store.putObjectIfAbsent('builds/abc', Buffer.from(JSON.stringify({ digest: layer })));
    await store.putObjectIfAbsent('manifests/abc', Buffer.from(`{"digest": "${nixerys.oci}"}`));
    await collect({ maxAgeMs: 30 * DAY });
    expect(await present(store, [...nixerys.all, layer])).toEqual([
      nixerys.oci,
      nixerys.config,
      ...nixerys.layers,
      layer,
    ]);
    expect(await store.getObject('builds/abc')).not.toBeNull();
  });

  it('removes old records of what is gone, and keeps what an image was built from by its digests', async () => {
    const { all, config, docker, layers, oci } = await image();
    const record = {
      forms: {
        oci: { digest: oci, size: 1, mediaType: 'a' },
        docker: { digest: docker, size: 1, mediaType: 'a' },
      },
      config,
      layers,
      request: { name: 'git', reference: 'main' },
      revision: 'abc',
      builtAt: 1,
    };
    const [digest = oci] = layers;
    const layer = { digest, diffId: digest, size: 1000, mediaType: 'a', paths: [] };
    const names = [revisionRecordName('k'), layerRecordName('k')] as const;
    await store.putObjectIfAbsent(names[0], Buffer.from(JSON.stringify(record)));
    await store.putObjectIfAbsent(names[1], Buffer.from(JSON.stringify(layer)));
    for (const key of [...all, ...names]) await peer.age(key, 90 * DAY);
    expect((await collect({ delete: false })).records).toBe(0);
    await pulled();
    expect(await collect({ maxAgeMs: 30 * DAY })).toMatchObject({ records: 2 });
    for (const name of names) expect(await store.getObject(name)).toBeNull();
    for (const form of [oci, docker]) {
      const kept = await store.getObject(imageRecordName(form));
      expect(JSON.parse(Buffer.from(kept ?? []).toString())).toEqual(record);
    }
  });

  it('puts together what was noted of pulls', async () => {
    const kept = await image();
    await pulled([kept.oci, 3]);
    await pulled([kept.oci, 2], [`sha256:${'0'.repeat(64)}`, 1]);
    await collect();
    const texts: string[] = [];
    for await (const { name } of store.listObjects('pulls/')) {
      texts.push(Buffer.from((await store.getObject(name)) ?? []).toString());
    }
    expect(texts.map((text): unknown => JSON.parse(text))).toEqual([
      { since: expect.any(Number), pulls: [[kept.oci, expect.any(Number)]] },
    ]);
  });
});

it('a grace of less than a day is refused', async () => {
  const [folder] = AGEABLE_STORES;
  const peer = await folder?.open();
  if (peer === undefined) throw new Error('unreachable');
  const options = { store: peer.store, maxAgeMs: null, maxBytes: null, delete: true };
  await expect(collectGarbage({ ...options, graceMs: DAY - 1 })).rejects.toThrow(RangeError);
  await expect(collectGarbage({ ...options, graceMs: Number.NaN })).rejects.toThrow(RangeError);
  await peer.close();
});
