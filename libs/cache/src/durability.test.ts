import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { createCache } from './index.ts';
import type { CacheEvent } from './index.ts';
import { temporaryFolder } from './testing/folder.ts';
import { layerRecord, manifestRecord } from './testing/records.ts';

const PUTTER = join(import.meta.dirname, 'testing', 'putter.ts');

/** Runs a process that puts entries, kills it after `puts` of them, and answers those it saw acknowledged. */
async function putUntilKilled(file: string, puts: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, ['--conditions=@nixery/source', PUTTER, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const acknowledged: number[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(Number(line));
      if (acknowledged.length === puts) child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

// Around the 350th the log has grown enough for its first checkpoint.
test.each([1, 40, 360, 1500])(
  'every put that was acknowledged is there after kill -9, killed at the %dth',
  async (puts) => {
    const file = join(await temporaryFolder(), 'cache.db');
    const acknowledged = await putUntilKilled(file, puts);
    const events: CacheEvent[] = [];
    const cache = createCache({
      file,
      askTimeoutMs: 60_000,
      onEvent: (event) => events.push(event),
    });

    const layers = await cache.getLayers(acknowledged.map((n) => `l${n}`));
    const manifests = await Promise.all(acknowledged.map((n) => cache.getManifest(`m${n}`)));
    await cache.stop();

    expect(acknowledged.length).toBeGreaterThanOrEqual(puts);
    expect([...layers.values()]).toEqual(acknowledged.map((n) => layerRecord(n * 10)));
    expect(manifests.map((hit) => hit?.record)).toEqual(
      acknowledged.map((n) => manifestRecord(n * 10)),
    );
    expect(events).toEqual([{ type: 'ready', restarts: 0 }]);
  },
);
