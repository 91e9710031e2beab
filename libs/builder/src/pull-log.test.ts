import { randomBytes } from 'node:crypto';

import type { BlobStore, Digest } from '@nixery/storage';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { PullLog } from './pull-log.ts';
import { readPulls } from './pull-times.ts';
import { type AgeableStore, openFolder } from './testing/ageable-stores.ts';

const NEVER_MS = 2 ** 30;

let peer: AgeableStore;
let store: BlobStore;
let log: PullLog;
let errors: unknown[];
beforeEach(async () => {
  peer = await openFolder();
  ({ store } = peer);
  errors = [];
  log = open(store);
});
afterEach(async () => {
  await log.stop();
  await peer.close();
});

function open(through: BlobStore, flushMs = NEVER_MS): PullLog {
  return new PullLog({ store: through, flushMs, onError: (error) => errors.push(error) });
}

function digest(): Digest {
  return `sha256:${randomBytes(32).toString('hex')}`;
}

async function objects(): Promise<number> {
  return (await readPulls(store)).objects.length;
}

it('what is pulled is written once a day, in one object for many', async () => {
  const before = Date.now();
  const pulled = Array.from({ length: 100 }, digest);
  for (let times = 0; times < 10; times += 1) for (const each of pulled) log.note(each);
  expect(await objects()).toBe(0);
  await log.flush();
  for (const each of pulled) log.note(each);
  await log.flush();
  const { objects: written, since, times } = await readPulls(store);
  expect(written).toHaveLength(1);
  expect(new Set(times.keys())).toEqual(new Set(pulled));
  expect(since).toBeLessThanOrEqual(before);
  for (const at of times.values()) expect(at).toBeGreaterThanOrEqual(before);
});

it('more than an object can hold goes into several', async () => {
  const pulled = Array.from({ length: 25_000 }, digest);
  for (const each of pulled) log.note(each);
  await log.flush();
  expect((await readPulls(store)).times.size).toBe(pulled.length);
  expect(await objects()).toBe(3);
});

it('what several servers note comes together, the latest time of each', async () => {
  const [one, both] = [digest(), digest()];
  const other = open(store);
  log.note(one);
  log.note(both);
  await log.stop();
  const between = Date.now();
  other.note(both);
  await other.stop();
  const { times } = await readPulls(store);
  expect(new Set(times.keys())).toEqual(new Set([one, both]));
  expect(times.get(both)).toBeGreaterThanOrEqual(between);
});

it('is written by and by without being told to', async () => {
  const timed = open(store, 10);
  timed.note(digest());
  await vi.waitFor(async () => expect(await objects()).toBe(1), { timeout: 60_000 });
  await timed.stop();
});

it('what the storage does not take is kept for the next time', async () => {
  let fails = true;
  const failing = open({
    ...store,
    putObjectIfAbsent: async (name, bytes) => {
      if (fails) throw new Error('the disk is away');
      return await store.putObjectIfAbsent(name, bytes);
    },
  });
  const [first, second] = [digest(), digest()];
  failing.note(first);
  await failing.flush();
  expect(errors).toHaveLength(1);
  fails = false;
  failing.note(second);
  await failing.stop();
  expect(new Set((await readPulls(store)).times.keys())).toEqual(new Set([first, second]));
});
