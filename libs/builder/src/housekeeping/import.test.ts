import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type BlobStore,
  createFilesystemStore,
  type Digest,
  openFilesystemReader,
  readBlob,
} from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { contentRecordName, imageRecordName, layerRecordName } from '../record-names.ts';
import { AGEABLE_STORES, type AgeableStore } from '../testing/ageable-stores.ts';
import { present, putImage, type PutImage, putLayer } from '../testing/stored-image.ts';
import { importStorage, type ImportReport } from './import.ts';

describe.each(AGEABLE_STORES)('an import into $name', ({ open }) => {
  let dir: string;
  let there: BlobStore;
  let image: PutImage;
  let peer: AgeableStore;
  let damaged: Digest[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nixery-import-'));
    await mkdir(join(dir, 'spool'));
    there = await createFilesystemStore({ root: join(dir, 'there') });
    image = await putImage(there, [await putLayer(there, 300_000)]);
    peer = await open();
    damaged = [];
  });
  afterEach(async () => {
    await peer.close();
    await rm(dir, { recursive: true });
  });

  async function bringIn(copy: boolean): Promise<ImportReport> {
    const report = await importStorage({
      from: await openFilesystemReader(join(dir, 'there')),
      store: peer.store,
      copy,
      spoolDir: join(dir, 'spool'),
      onDamaged: (digest) => damaged.push(digest),
    });
    expect(await readdir(join(dir, 'spool'))).toEqual([]);
    return report;
  }

  it('copies what is not here, and nothing unless told to', async () => {
    expect(await bringIn(false)).toMatchObject({ copied: false, blobs: { count: 4 } });
    expect(await present(peer.store, image.all)).toEqual([]);
    expect(await bringIn(true)).toMatchObject({ copied: true, blobs: { count: 4 }, damaged: 0 });
    for (const digest of image.all) {
      expect(await readBlob(peer.store, digest, 1e6)).toEqual(await readBlob(there, digest, 1e6));
    }
    expect(await bringIn(true)).toMatchObject({ blobs: { count: 0 }, present: { count: 4 } });
  });

  it('leaves out what is damaged there', async () => {
    const [layer = image.config] = image.layers;
    const file = join(dir, 'there', 'layers', layer.slice('sha256:'.length));
    const bytes = await readFile(file);
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    await writeFile(file, bytes);
    expect(await bringIn(true)).toMatchObject({ blobs: { count: 3 }, damaged: 1 });
    expect(damaged).toEqual([layer]);
    expect(await present(peer.store, [layer])).toEqual([]);
  });

  it("brings records of servers such as this one, and not Nixery's", async () => {
    const ours = [
      layerRecordName('k'),
      imageRecordName(image.oci),
      contentRecordName(image.config),
    ];
    for (const name of [...ours, 'builds/k'] as const) {
      await there.putObjectIfAbsent(name, Buffer.from('{}'));
    }
    expect((await bringIn(false)).records).toBe(3);
    expect((await bringIn(true)).records).toBe(3);
    expect((await bringIn(true)).records).toBe(0);
    expect(await peer.store.getObject(layerRecordName('k'))).not.toBeNull();
    expect(await peer.store.getObject('builds/k')).toBeNull();
  });

  it('changes nothing there', async () => {
    await rm(join(dir, 'there', 'tmp'), { recursive: true });
    const before = await readdir(join(dir, 'there'), { recursive: true });
    await bringIn(true);
    expect(await readdir(join(dir, 'there'), { recursive: true })).toEqual(before);
  });
});

it('a folder that is not there is refused', async () => {
  await expect(openFilesystemReader('/nowhere/at/all')).rejects.toMatchObject({ code: 'invalid' });
});
