/**
 * What the search for packages costs: to index a package set of nixpkgs' size, and to ask it over HTTP. After `npm run build`:
 * `node --conditions=@nixery/source tools/bench/search.ts [--attributes N] [--rounds N]`. Takes Nix.
 * docs/benchmarks/search.md says what it showed.
 */
import { readdir, readFile, rm, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { writeManyPackages } from '@nixery/builder/testing';

import { type RegistryServer, startRegistry } from '../e2e/server.ts';
import { searchFor, searchReady } from '../e2e/search-answers.ts';

/** What people type: beginnings, names, words of descriptions, a set, something that is nowhere. */
const QUERIES = [
  ...['d', 'di', 'dib', 'dibe', 'dibe-l', 'be', 'b', 'bacu'],
  ...['dibe jado', 'babe cabi dobe', 'bebe kabe bibe jahi', 'b d', 'python', 'haskell'],
  ...['python3packages.d', 'python3packages dibe', 'nowhere', 'nowhere at all'],
];

const { values } = parseArgs({
  options: {
    attributes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '50' },
  },
});

const dir = await mkdtemp(join(tmpdir(), 'nixery-bench-search-'));
try {
  const set = await writeManyPackages(join(dir, 'set'), Number(values.attributes));
  const registry = await startRegistry(dir, { NIXERY_PKGS_PATH: set, NIXERY_SEARCH: 'on' });
  try {
    await measureIndex(registry);
    await measureQueries(registry);
  } finally {
    await registry.stop();
  }
} finally {
  await rm(dir, { recursive: true });
}

async function measureIndex(registry: RegistryServer): Promise<void> {
  const begun = performance.now();
  let serverMemory = 0;
  let nixMemory = 0;
  const sampler = setInterval(() => {
    void memoryOf(String(registry.pid)).then(
      (bytes) => (serverMemory = Math.max(serverMemory, bytes)),
    );
    void memoryOfNix(dir).then((bytes) => (nixMemory = Math.max(nixMemory, bytes)));
  }, 100);
  const before = await memoryOf(String(registry.pid));
  const { indexed, total } = await searchReady(registry.url);
  clearInterval(sampler);
  const files = await readdir(join(dir, 'state', 'search'));
  const index = files.find((name) => name.endsWith('.sqlite')) ?? '';
  const { size } = await stat(join(dir, 'state', 'search', index));
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${indexed} packages of ${total} attributes in ${seconds.toFixed(1)} s`);
  console.log(`index ${mib(size)}; a Nix process at most ${mib(nixMemory)}`);
  console.log(`server ${mib(before)} at the beginning, at most ${mib(serverMemory)}`);
}

async function measureQueries(registry: RegistryServer): Promise<void> {
  const all: number[] = [];
  const byQuery = new Map<string, number[]>();
  for (const query of QUERIES) await searchFor(registry.url, query);
  const cpuBefore = await cpuOf(registry.pid);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const query of QUERIES) {
      const begun = performance.now();
      await searchFor(registry.url, query);
      const ms = performance.now() - begun;
      all.push(ms);
      byQuery.set(query, [...(byQuery.get(query) ?? []), ms]);
    }
  }
  const cpuMs = (await cpuOf(registry.pid)) - cpuBefore;
  const [p50, p99] = [quantile(all, 0.5), quantile(all, 0.99)];
  console.log(`${all.length} queries, one after another: p50 ${p50} ms, p99 ${p99} ms`);
  console.log(`the server's processor time for each: ${(cpuMs / all.length).toFixed(1)} ms`);
  for (const [query, ms] of byQuery) console.log(`${query.padEnd(24)} p50 ${quantile(ms, 0.5)} ms`);
}

function quantile(times: readonly number[], part: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
}

/** Processor time so far (ms). */
async function cpuOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // proc(5): what follows the name, which may hold anything, begins with field 3; 14 and 15 count hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident, of the Nix processes that read this package set (bytes). */
async function memoryOfNix(set: string): Promise<number> {
  const sizes = (await readdir('/proc'))
    .filter((name) => /^\d+$/.test(name))
    .map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return line.startsWith('nix-instantiate') && line.includes(set) ? await memoryOf(pid) : 0;
    });
  return Math.max(0, ...(await Promise.all(sizes)));
}

/** Resident (bytes); 0 once it has ended. */
async function memoryOf(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
