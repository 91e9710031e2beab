/**
 * How fast layers are packed, in what memory, and what compression levels are worth: `node --conditions=@nixery/source
 * tools/bench/packing.ts [speed] [small] [levels] [memory] [server] [--rounds N]`, all parts unless told. Takes Nix, apt and pigz; server, what
 * `npm run build` makes.
 * docs/benchmarks/layers.md says what it showed.
 */
import {
  parseCompression,
  planLayers,
  type Compression,
  type PlannedLayer,
  type StorePathInfo,
} from '@nixery/builder/layer';
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { buildOfflineSet, closureOf } from './layers-offline-set.ts';
import { PackingPool } from './packing-pool.ts';
import { serverMemory } from './packing-server.ts';
import { isInstalled, race, RIVALS, type Rival } from './packing-rivals.ts';

const execute = promisify(execFile);
const THREADS = 2;
/** Packages whose closure is more than 500 MB, none of them a single file that one thread would be busy with alone. */
const LARGE = [
  'git',
  'nodejs-slim',
  'postgresql',
  'perl',
  'python3',
  'vim',
  'openssh',
  'gcc',
  'curl',
];
const MEDIUM = ['git', 'python3'];
const SMALL_PACKAGES = 200;

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const parts = new Set(positionals);
const runs = (part: string) => parts.size === 0 || parts.has(part);

const memorySchema = z.object({
  uncompressedBytes: z.number(),
  atRest: z.number(),
  peak: z.number(),
});

const set = await buildOfflineSet();
const graph = new Map(set.graph.map((info) => [info.path, info]));
const large = closureNamed(LARGE);
const small = set.graph.toSorted((a, b) => a.narSize - b.narSize).slice(0, SMALL_PACKAGES);

if (runs('speed')) await speed();
if (runs('small')) await smallPackages();
if (runs('levels')) await levels();
if (runs('memory')) await memory();
if (runs('server')) await memoryOfServer();

function closureNamed(attributes: readonly string[]): readonly StorePathInfo[] {
  return closureOf(
    graph,
    attributes.map((name) => set.packages.get(name) ?? ''),
  );
}

async function speed(): Promise<void> {
  const bytes = large.reduce((sum, { narSize }) => sum + narSize, 0);
  const ours = ['gzip:3', 'gzip:4', 'gzip:6', 'zstd:3'].map(compression);
  console.log(
    `\na closure of ${large.length} paths, ${megabytes(bytes)}, ${THREADS} threads; ${rounds} rounds`,
  );
  await compare(
    [RIVALS.gzip, RIVALS.pigz],
    large.map(({ path }) => path),
    planLayers(large),
    ours,
  );
}

async function smallPackages(): Promise<void> {
  const bytes = small.reduce((sum, { narSize }) => sum + narSize, 0);
  const layers = small.map((info) => ({ paths: [info] }));
  console.log(
    `\n${small.length} small store paths, ${megabytes(bytes)}, a layer each; ${rounds} rounds`,
  );
  await compare(
    [RIVALS.loop],
    small.map(({ path }) => path),
    layers,
    ['gzip:6', 'zstd:3'].map(compression),
  );
}

/** All in turns, so that a noisy machine is as noisy for all; ratios are within a round. */
async function compare(
  rivals: readonly Rival[],
  paths: readonly string[],
  layers: readonly PlannedLayer[],
  ours: readonly Compression[],
): Promise<void> {
  const there: Rival[] = [];
  for (const rival of rivals) {
    if (await isInstalled(rival)) there.push(rival);
    else console.log(`  ${rival.name} is left out: apt-get install ${rival.program}`);
  }
  const pool = new PackingPool(THREADS);
  try {
    await pool.pack(layers.slice(-THREADS), ours[0] ?? compression('gzip:6'));
    const contestants = [
      ...there.map((rival) => ({ name: rival.name, run: () => race(rival, paths) })),
      ...ours.map((each) => ({ name: show(each), run: () => pool.pack(layers, each) })),
    ];
    const walls = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
    const cpu = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
    const sizes = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, run } of contestants) {
        const { wallMs, cpuMs, bytes } = await run();
        walls.get(name)?.push(wallMs);
        cpu.get(name)?.push(cpuMs);
        sizes.set(name, bytes);
      }
    }
    row('', 'bytes', 's (median)', 's of CPU', ...there.map(({ name }) => `× ${name}`));
    for (const [name, times] of walls) {
      const ratios = there.map((rival) => {
        const theirs = walls.get(rival.name) ?? [];
        return median(times.map((time, round) => time / (theirs[round] ?? Number.NaN))).toFixed(2);
      });
      row(
        name,
        megabytes(sizes.get(name) ?? 0),
        (median(times) / 1000).toFixed(2),
        (median(cpu.get(name) ?? []) / 1000).toFixed(2),
        ...ratios,
      );
    }
  } finally {
    await pool.close();
  }
}

async function levels(): Promise<void> {
  const names = [1, 2, 3, 4, 6, 9].flatMap((level) => [`gzip:${level}`, `zstd:${level}`]).sort();
  const layers = planLayers(closureNamed(MEDIUM));
  console.log(`\ncompression levels over ${MEDIUM.join(' and ')}, one thread`);
  row('', 'bytes', 'of the tar', 's of CPU', 'MB/s');
  const pool = new PackingPool(1);
  try {
    for (const each of names.map(compression)) {
      const { bytes, uncompressedBytes, cpuMs } = await pool.pack(layers, each);
      const share = `${((100 * bytes) / uncompressedBytes).toFixed(1)} %`;
      const rate = (uncompressedBytes / 1000 / cpuMs).toFixed(0);
      row(show(each), megabytes(bytes), share, (cpuMs / 1000).toFixed(1), rate);
    }
  } finally {
    await pool.close();
  }
}

/** Levels matter to time only. In a process of its own for each size, with a store of one path: many links of one file, which an archive has in full. */
async function memory(): Promise<void> {
  console.log('\nmemory of a process that packs one layer');
  row('', 'tar', 'at rest', 'peak');
  const script = join(import.meta.dirname, 'packing-memory.ts');
  for (const each of ['gzip:1', 'zstd:1']) {
    for (const files of [1, 10, 40]) {
      const dir = await mkdtemp(join(tmpdir(), 'nixery-bench-memory-'));
      try {
        const path = `/nix/store/${'0'.repeat(32)}-large`;
        const folder = join(dir, path.slice('/nix/store/'.length));
        await mkdir(folder);
        await writeFile(join(folder, '0'), halfRandom(100_000_000));
        for (let i = 1; i < files; i += 1) await link(join(folder, '0'), join(folder, `${i}`));
        const args = ['--conditions=@nixery/source', script, dir, path, join(dir, 'spool'), each];
        const { stdout } = await execute(process.execPath, args);
        const { uncompressedBytes, atRest, peak } = memorySchema.parse(JSON.parse(stdout));
        row(each, ...[uncompressedBytes, atRest, peak].map(megabytes));
      } finally {
        await rm(dir, { recursive: true });
      }
    }
  }
}

async function memoryOfServer(): Promise<void> {
  console.log('\nmemory of the server that builds an image with one large layer');
  row('', 'tar', 'at rest', 'peak');
  for (const each of ['gzip:4', 'zstd:3']) {
    for (const files of [1, 10, 40]) {
      const { atRest, peak } = await serverMemory(files, each);
      row(each, ...[files * 100_000_000, atRest, peak].map(megabytes));
    }
  }
}

function halfRandom(bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i += 8192) randomFillSync(content, i, Math.min(4096, bytes - i));
  return content;
}

function compression(text: string): Compression {
  const parsed = parseCompression(text);
  if (parsed === undefined) throw new Error(`not a compression: ${text}`);
  return parsed;
}

function show({ format, level }: Compression): string {
  return `${format}:${level}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function row(name: string, ...columns: readonly string[]): void {
  console.log(`  ${name.padEnd(34)}${columns.map((column) => column.padStart(22)).join('')}`);
}
