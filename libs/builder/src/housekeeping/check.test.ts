import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { BlobError, type BlobStore, type Digest, createFilesystemStore } from '@nixery/storage';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { layerRecordName, revisionRecordName } from '../record-names.ts';
import { present, putImage, type PutImage, putLayer } from '../testing/stored-image.ts';
import { checkStorage, type CheckOptions, type Finding } from './check.ts';

let dir: string;
let store: BlobStore;
let image: PutImage;
let findings: Finding[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-check-'));
  store = await createFilesystemStore({ root: dir });
  image = await putImage(store, [await putLayer(store), await putLayer(store)]);
  findings = [];
});
afterEach(() => rm(dir, { recursive: true }));

async function check(options: Partial<CheckOptions> = {}) {
  findings = [];
  return await checkStorage({
    store,
    content: true,
    repair: false,
    onFinding: (finding) => findings.push(finding),
    ...options,
  });
}

function fileOf(digest: Digest): string {
  return join(dir, 'layers', digest.slice('sha256:'.length));
}

function layer(): Digest {
  return image.layers[0] ?? image.config;
}

async function recordLayer(digest: Digest, size: number): Promise<void> {
  const record = { digest, diffId: digest, size, mediaType: 'a', paths: [] };
  await store.putObjectIfAbsent(layerRecordName('k'), Buffer.from(JSON.stringify(record)));
}

it('a storage that is as it should be has no findings, and orphans are none', async () => {
  await putLayer(store, 70);
  await recordLayer(layer(), 1000);
  expect(await check()).toMatchObject({
    blobs: { count: 6 },
    orphans: { count: 1, bytes: 70 },
    manifests: 2,
    records: 1,
    findings: 0,
  });
  expect(findings).toEqual([]);
});

it('content that has changed is found by reading it, and removed when told to', async () => {
  await writeFile(fileOf(layer()), randomBytes(1000));
  await recordLayer(layer(), 1000);
  expect((await check({ content: false })).findings).toBe(0);
  const damaged = { kind: 'damaged', digest: layer() };
  await check();
  expect(findings).toContainEqual(damaged);
  expect(await check({ repair: true })).toMatchObject({ repaired: 2 });
  expect(findings).toContainEqual(damaged);
  expect(await present(store, [layer()])).toEqual([]);
  expect(await store.getObject(layerRecordName('k'))).toBeNull();
});

it('a manifest that has changed is found without reading layers', async () => {
  await truncate(fileOf(image.oci), 10);
  await check({ content: false });
  expect(findings).toEqual([{ kind: 'damaged', digest: image.oci }]);
});

it('what manifests name is there, and in the size that they tell', async () => {
  const [one, other] = image.layers;
  if (one === undefined || other === undefined) throw new Error('unreachable');
  await store.delete(one);
  await truncate(fileOf(other), 999);
  await check({ content: false });
  expect(findings).toHaveLength(4);
  expect(findings).toContainEqual({ kind: 'missing', digest: one, of: image.oci });
  expect(findings).toContainEqual({
    kind: 'wrong-size',
    digest: other,
    of: image.docker,
    expected: 1000,
    actual: 999,
  });
});

it('records that name what is missing, or nothing at all, are dropped when told to', async () => {
  await recordLayer(`sha256:${'0'.repeat(64)}`, 5);
  const name = revisionRecordName('k');
  await store.putObjectIfAbsent(name, Buffer.from('no record'));
  await check();
  expect(findings).toContainEqual({ kind: 'unreadable', of: name });
  expect(findings).toContainEqual({
    kind: 'missing',
    digest: `sha256:${'0'.repeat(64)}`,
    of: layerRecordName('k'),
  });
  expect(await store.getObject(name)).not.toBeNull();
  expect(await check({ repair: true })).toMatchObject({ findings: 2, repaired: 2 });
  expect(await check()).toMatchObject({ records: 0, findings: 0 });
});

it('what is half stored is listed, and no finding', async () => {
  await writeFile(join(dir, 'tmp', 'half'), randomBytes(10));
  const report = await check();
  expect(report.findings).toBe(0);
  expect(report.uploads).toEqual([
    { name: 'tmp/half', id: 'half', size: 10, startedAt: expect.any(Date) },
  ]);
});

it('a storage that does not tell what is half stored is checked all the same', async () => {
  const silent: BlobStore = {
    ...store,
    listUploads: () => new Readable().destroy(new BlobError('denied', 'may not')),
  };
  expect(await check({ store: silent })).toMatchObject({ findings: 0, uploads: null });
});

it('ends when it is told to', async () => {
  await expect(check({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
});
