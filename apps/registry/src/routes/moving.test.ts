import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { digestOf } from '@nixery/storage';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

let dir: string;
let server: RunningServer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-moving-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  const { config } = readConfig({ ...testSettings(dir), NIXERY_RECENCY_SECONDS: '1' });
  server = await startServer(config, pino({ level: 'silent' }));
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

/** What a tag stands for; what is sent is what the answer says. */
async function pull(): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${server.port}/v2/slow0/manifests/latest`);
  const digest = response.headers.get('docker-content-digest');
  expect(digestOf(Buffer.from(await response.arrayBuffer()))).toBe(digest);
  return digest ?? '';
}

it('a tag that has been asked for often stands for another image once its packages are others', async () => {
  const before = await pull();
  expect([await pull(), await pull()]).toEqual([before, before]);
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  await expect.poll(pull, { timeout: 30_000, interval: 100 }).not.toBe(before);
  const after = await pull();
  expect([await pull(), await pull()]).toEqual([after, after]);
});
