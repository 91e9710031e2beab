import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { prepareTestPackages } from '@nixery/builder/testing';
import { digestOf } from '@nixery/storage';
import { expect, it } from 'vitest';

import { useAccessServer } from '../testing/access-server.ts';

const server = useAccessServer();

/** What a tag stands for; what is sent is what the answer says. */
async function pull(): Promise<string> {
  const response = await server.ask('/v2/slow0/manifests/latest');
  const digest = response.headers.get('docker-content-digest');
  expect(digestOf(Buffer.from(await response.arrayBuffer()))).toBe(digest);
  return digest ?? '';
}

it('a tag that has been asked for often stands for another image once its packages are others', async () => {
  await server.start({ NIXERY_RECENCY_SECONDS: '1' });
  const before = await pull();
  expect([await pull(), await pull()]).toEqual([before, before]);
  await prepareTestPackages(join(server.dir, 'packages'), { salt: randomUUID() });
  await expect.poll(pull, { timeout: 30_000, interval: 100 }).not.toBe(before);
  const after = await pull();
  expect([await pull(), await pull()]).toEqual([after, after]);
});
