import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCache, type CacheEvent } from './index.ts';
import { temporaryFolder } from './testing/folder.ts';
import { manifestRecord } from './testing/records.ts';

test('createCache applies the bounds and the recency it is given', async () => {
  const cache = createCache({
    file: ':memory:',
    bounds: { manifests: 1 },
    recencyMs: 0,
    askTimeoutMs: 60_000,
  });
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
  const cache = createCache({
    file,
    askTimeoutMs: 60_000,
    onEvent: (event) => events.push(event),
  });
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

test('the actor works under `node --watch`, where its thread posts messages that are none of its own', async () => {
  const program = join(await temporaryFolder(), 'watched.mjs');
  await writeFile(
    program,
    `import { createCache } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
     const cache = createCache({ file: ':memory:', askTimeoutMs: 60_000 });
     const put = await cache.putManifest('a', 'pinned', ${JSON.stringify(manifestRecord(10))});
     console.log(put === true ? 'it was put' : 'it was not put');
     await cache.stop();`,
  );
  const watcher = spawn(process.execPath, ['--watch', '--conditions=@nixery/source', program]);
  const exited = once(watcher, 'exit');
  let output = '';
  for (const stream of [watcher.stdout, watcher.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  try {
    await expect.poll(() => output).toMatch(/Completed running|Failed running/);
    expect(output).toContain('it was put');
  } finally {
    watcher.kill();
    await exited;
  }
});
