import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCache, type CacheEvent } from './index.ts';
import { temporaryFolder } from './testing/folder.ts';
import { manifestRecord } from './testing/records.ts';

test('createCache applies the bounds and the recency it is given', async () => {
  const cache = createCache({ file: ':memory:', bounds: { manifests: 1 }, recencyMs: 0 });
  onTestFinished(() => cache.stop());
  await cache.putManifest('a', 'pinned', manifestRecord(10));
  await cache.putManifest('b', 'moving', manifestRecord(20));

  expect(await cache.getManifest('a')).toBeNull();
  expect(await cache.getManifest('b')).toBeNull();
  expect(await cache.getManifest('b', { allowStale: true })).toMatchObject({ fresh: false });
});

test('createCache goes on with an empty database where the old one is damaged, and says so', async () => {
  const file = join(await temporaryFolder(), 'cache.db');
  await writeFile(file, 'nothing that SQLite wrote '.repeat(300));
  const events: CacheEvent[] = [];
  const cache = createCache({ file, onEvent: (event) => events.push(event) });
  onTestFinished(() => cache.stop());

  expect(await cache.putManifest('a', 'pinned', manifestRecord(10))).toBe(true);
  expect(await cache.getManifest('a')).toMatchObject({ record: manifestRecord(10) });
  expect(events).toMatchObject([
    { type: 'database-set-aside', reason: 'corrupt' },
    { type: 'ready', restarts: 0 },
  ]);
});

test.each([
  { description: 'a bound of 0', options: { bounds: { layers: 0 } } },
  { description: 'a negative recency', options: { recencyMs: -1 } },
  { description: 'no file', options: { file: '' } },
])('createCache refuses $description before anything starts', ({ options }) => {
  expect(() => createCache({ file: ':memory:', ...options })).toThrow(
    expect.objectContaining({ name: 'CacheError', code: 'invalid' }),
  );
});
