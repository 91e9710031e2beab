import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReadBudget, type ReadBudget } from './read-budget.ts';
import { streamFile } from './stream.ts';

const MIB = 1024 * 1024;
const SMALL = 64 * 1024;
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blob-stream-'));
  file = join(folder, 'sparse');
  await writeFile(file, '');
  await truncate(file, 64 * MIB);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function stream(budget: ReadBudget): Promise<Readable> {
  return streamFile(await open(file), { offset: 0, length: 64 * MIB }, file, budget);
}

/** The sizes of the next `count` chunks. */
async function take(body: Readable, count: number): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    sizes.push(chunk.length);
    if (sizes.length === count) break;
  }
  return sizes;
}

/** Whether a large read comes, sooner or later: what pauses for a moment on a busy machine has to prove itself again. */
async function comesToLargeReads(body: Readable): Promise<boolean> {
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    if (chunk.length === MIB) return true;
  }
  return false;
}

test('a stream ends after all of its bytes, however large its reads', async () => {
  let total = 0;
  for await (const chunk of await stream(createReadBudget(1))) total += chunk.length;
  expect(total).toBe(64 * MIB);
});

test('reads are large at first, small after a consumer has left a chunk lying, until it keeps up', async () => {
  const body = await stream(createReadBudget(1));
  expect(await take(body, 1)).toEqual([MIB]);
  await delay(100);
  expect(await take(body, 1)).toEqual([SMALL]);
  expect(await comesToLargeReads(body)).toBe(true);
  body.destroy();
});

test('streams share a budget of large reads, which stalled ones hold until they go on or go away', async () => {
  const budget = createReadBudget(1);
  const [stalled, other] = await Promise.all([stream(budget), stream(budget)]);
  expect(await take(stalled, 1)).toEqual([MIB]);
  expect(await take(other, 3)).toEqual([SMALL, SMALL, SMALL]);
  stalled.destroy();
  expect(await comesToLargeReads(other)).toBe(true);
  other.destroy();
  expect(budget.take()).toBe(true);
  expect(budget.take()).toBe(false);
});

test('nothing is read ahead of a consumer that has stalled', async () => {
  const body = await stream(createReadBudget(1));
  await take(body, 1);
  await delay(100);
  expect(body.readableLength).toBe(0);
  body.destroy();
});
