/**
 * How long the cache's callers wait, how much memory it takes, and how soon it is there, with both maps full. After
 * `npm run build`: `node tools/bench/cache.ts [manifests] [layers]`. docs/benchmarks/cache.md has what came of it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [manifests = '100000', layers = '1000000'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-cache-'));

try {
  // Each in a process of its own, whose memory is its own.
  for (const part of ['cache-fill.ts', 'cache-look-ups.ts', 'cache-waiting.ts']) {
    const script = join(import.meta.dirname, part);
    const options = [...process.execArgv, script, folder, manifests, layers];
    const { status } = spawnSync(process.execPath, options, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${part} failed`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
