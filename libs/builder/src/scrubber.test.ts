import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { type BlobStore, createFilesystemStore, type Digest, digestOf } from '@nixery/storage';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { BuildError } from './errors.ts';
import { readThrough } from './intact.ts';
import { Scrubber, type ScrubEvent } from './scrubber.ts';

const CONTENT = Buffer.alloc(3 * 1024 * 1024, 'content');

let dir: string;
let store: BlobStore;
let digest: Digest;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-scrub-'));
  store = await createFilesystemStore({ root: dir });
  digest = digestOf(CONTENT);
  await store.put(digest, { bytes: CONTENT }, 'application/octet-stream');
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function damage(): Promise<void> {
  const bytes = Buffer.from(CONTENT);
  bytes[bytes.length - 1] = 0;
  await writeFile(join(dir, 'layers', digest.slice('sha256:'.length)), bytes);
}

it('a blob is read to its end to know whether it is intact', async () => {
  expect(await readThrough(store, digest)).toBe('intact');
  await damage();
  expect(await readThrough(store, digest)).toBe('damaged');
  await store.delete(digest);
  expect(await readThrough(store, digest)).toBe('missing');
});

it('blobs whose content has changed are found and replaced, pass after pass', async () => {
  const events: ScrubEvent[] = [];
  const intact = Buffer.from('intact');
  await store.put(digestOf(intact), { bytes: intact }, 'application/octet-stream');
  await damage();
  const scrubber = new Scrubber({
    store,
    intervalMs: 50,
    bytesPerSecond: 1024 ** 3,
    heal: async (found) => {
      expect(found).toBe(digest);
      await store.put(digest, { bytes: CONTENT }, 'application/octet-stream');
      return true;
    },
    onEvent: (event) => events.push(event),
  });
  try {
    await expect.poll(() => events.length).toBeGreaterThanOrEqual(3);
  } finally {
    await scrubber.stop();
  }
  expect(events.slice(0, 3)).toEqual([
    { type: 'damaged', digest, healed: true },
    { type: 'done', blobs: 2, damaged: 1 },
    { type: 'done', blobs: 2, damaged: 0 },
  ]);
});

/** Stores small blobs and damages them. */
async function rot(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(`blob ${i}`);
    await store.put(digestOf(bytes), { bytes }, 'text/plain');
    await writeFile(join(dir, 'layers', digestOf(bytes).slice('sha256:'.length)), 'rotten');
  }
}

function isOver({ type }: ScrubEvent): boolean {
  return type === 'done' || type === 'failed';
}

/** What a scrubber tells until it is through, where nothing can be replaced now. */
async function onePass(): Promise<readonly ScrubEvent['type'][]> {
  const events: ScrubEvent[] = [];
  const scrubber = new Scrubber({
    store,
    intervalMs: 10_000,
    bytesPerSecond: 1024 ** 3,
    heal: () => Promise.reject(new BuildError('source-unavailable', 'not now')),
    onEvent: (event) => events.push(event),
  });
  await expect.poll(() => events.some(isOver)).toBe(true);
  await scrubber.stop();
  return events.map(({ type }) => type);
}

it('a damaged blob that cannot be replaced now does not keep others from being read', async () => {
  await rot(9);
  const told = await onePass();
  expect(told.at(-1)).toBe('done');
  expect(told.filter((type) => type === 'skipped')).toHaveLength(9);
});

it('a pass is given up when ten blobs in a row could not be dealt with', async () => {
  await store.delete(digest);
  await rot(12);
  expect(await onePass()).toEqual([...Array.from({ length: 9 }, () => 'skipped'), 'failed']);
});

it('no more is read in a second than allowed, and a pass under way ends when it is told to', async () => {
  const events: ScrubEvent[] = [];
  const scrubber = new Scrubber({
    store,
    intervalMs: 1,
    bytesPerSecond: 256 * 1024,
    heal: () => Promise.resolve(false),
    onEvent: (event) => events.push(event),
  });
  await delay(1_000);
  await scrubber.stop();
  // It would take twelve seconds.
  expect(events).toEqual([]);
});

it('a storage that fails is told of, and tried again', async () => {
  const events: ScrubEvent[] = [];
  await rm(dir, { recursive: true });
  const scrubber = new Scrubber({
    store,
    intervalMs: 20,
    heal: () => Promise.resolve(false),
    onEvent: (event) => events.push(event),
  });
  await expect.poll(() => events.filter(({ type }) => type === 'failed').length).toBeGreaterThan(1);
  await scrubber.stop();
  await createFilesystemStore({ root: dir });
});
