/**
 * What a storage folder of very many blobs costs: time and memory of a server's start, and of housekeeping. After
 * `npm run build`: `node --conditions=@nixery/source tools/bench/many-blobs.ts [--blobs N] [--folder DIR]`. docs/operations.md has
 * what came of it. Takes 4 KiB of disk a blob.
 */
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { heading, mebibytes, row, timed } from './cache-figures.ts';
import { startNixery } from './http-servers.ts';
import { fillStorage } from './many-blobs-fill.ts';

const STORAGE = fileURLToPath(new URL('../../apps/registry/dist/storage.js', import.meta.url));
const LOOK_MS = 100;

const { values } = parseArgs({
  options: {
    blobs: { type: 'string', default: '1000000' },
    folder: { type: 'string', default: tmpdir() },
  },
});

const folder = await mkdtemp(join(values.folder, 'nixery-bench-many-'));
try {
  await prepareTestPackages(join(folder, 'packages'));
  const root = join(folder, 'storage');
  const filled = fillStorage(root, Number(values.blobs));
  heading(`a folder with ${filled.blobs} blobs, ${filled.manifests} of them manifests`);
  await start();
  for (const args of [['check', '--quick'], ['check'], ['gc', '--max-age', '30d']]) {
    await keepHouse(root, args);
  }
} finally {
  await rm(folder, { recursive: true });
}

async function start(): Promise<void> {
  const began = performance.now();
  const server = await startNixery(folder, nixEnvironment());
  const ms = performance.now() - began;
  report('start of a server', ms, await highestMemory(server.pid));
  await server.stop();
}

async function keepHouse(root: string, args: readonly string[]): Promise<void> {
  const env = { PATH: process.env['PATH'], STORAGE_PATH: root };
  const child = spawn(process.execPath, [STORAGE, ...args, '--json'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let highest = 0;
  let lines = 0;
  child.stderr.on('data', (chunk: Buffer) => {
    lines += chunk.toString().split('\n').length - 1;
  });
  async function look(): Promise<void> {
    highest = Math.max(highest, await highestMemory(child.pid ?? 0));
  }
  const looking = setInterval(() => void look(), LOOK_MS);
  const ms = await timed(() => once(child, 'close'));
  clearInterval(looking);
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${child.exitCode}`);
  report(args.join(' '), ms, highest, `${lines} lines of progress`);
}

function report(what: string, ms: number, bytes: number, ...more: readonly string[]): void {
  row(what, `${(ms / 1000).toFixed(1)} s`, `${mebibytes(bytes)} at most`, ...more);
}

/** Resident, so far (proc_pid_status(5)); 0 of a process that has ended. */
async function highestMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
