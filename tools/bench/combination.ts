/**
 * What an image costs whose packages are known and whose layers are there, but for the symlink layer: from request to
 * manifest, over HTTP. After `npm run build`: `node --conditions=@nixery/source tools/bench/combination.ts
 * [--attributes N] [--images N] [--source git|path]`. Takes Nix, git and busybox. docs/benchmarks/layers.md says what it showed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { logLines } from '../e2e/log-lines.ts';
import { type RegistryServer, startRegistry } from '../e2e/server.ts';
import { createSyntheticSet } from './combination-packages.ts';

/** Packages that are pulled alone before, and that the images are made of. */
const KNOWN = 24;
const PACKAGES_AN_IMAGE = 4;

const { values } = parseArgs({
  options: {
    attributes: { type: 'string', default: '50000' },
    images: { type: 'string', default: '60' },
    source: { type: 'string', default: 'git' },
  },
});

const doneSchema = z.object({
  ms: z.number(),
  stages: z.record(z.string(), z.number()),
  layers: z.object({ known: z.number(), packed: z.number() }),
});

const dir = await mkdtemp(join(tmpdir(), 'nixery-bench-combination-'));
try {
  const set = await createSyntheticSet(join(dir, 'set'), Number(values.attributes));
  const source =
    values.source === 'path' ? { NIXERY_PKGS_PATH: set.url } : { NIXERY_PKGS_REPO: set.url };
  const registry = await startRegistry(dir, source);
  try {
    await measure(registry, values.source === 'path' ? 'latest' : set.commit);
  } finally {
    await registry.stop();
  }
} finally {
  await rm(dir, { recursive: true });
}

async function measure(registry: RegistryServer, tag: string): Promise<void> {
  for (let i = 0; i < KNOWN; i += 1) await pull(registry, `package${i}`, tag);
  const waits: number[] = [];
  for (let i = 0; i < Number(values.images); i += 1) {
    waits.push(await pull(registry, combination(i), tag));
  }
  const builds = logLines(registry)
    .filter(({ msg }) => msg === 'build done')
    .map((line) => doneSchema.parse(line))
    .slice(-waits.length);
  const packed = builds.map(({ layers }) => layers.packed);
  const { length } = waits;
  console.log(
    `${length} new combinations of known packages, ${values.source}, ${values.attributes} attributes`,
  );
  console.log(`layers packed an image: ${Math.min(...packed)} to ${Math.max(...packed)}`);
  row('', 'median', 'p90');
  row('request to manifest', ...both(waits));
  row('build', ...both(builds.map(({ ms }) => ms)));
  for (const stage of Object.keys(builds.at(-1)?.stages ?? {})) {
    row(`  ${stage}`, ...both(builds.map(({ stages }) => stages[stage] ?? 0)));
  }
}

/** Another four of the known packages for every number. */
function combination(number: number): string {
  const step = 1 + (number % (KNOWN / PACKAGES_AN_IMAGE - 1));
  const first = Math.floor(number / (KNOWN / PACKAGES_AN_IMAGE - 1));
  const parts = Array.from({ length: PACKAGES_AN_IMAGE }, (_, i) => (first + i * step) % KNOWN);
  return parts.map((part) => `package${part}`).join('/');
}

/** @returns ms */
async function pull(registry: RegistryServer, name: string, tag: string): Promise<number> {
  const began = performance.now();
  const response = await fetch(`${registry.url}/v2/${name}/manifests/${tag}`);
  const body = await response.text();
  if (!response.ok) throw new Error(`${name}: ${response.status} ${body}`);
  return performance.now() - began;
}

function both(times: readonly number[]): [string, string] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => `${(sorted[Math.floor(sorted.length * part)] ?? NaN).toFixed(0)} ms`;
  return [at(0.5), at(0.9)];
}

function row(name: string, ...columns: readonly string[]): void {
  console.log(`  ${name.padEnd(24)}${columns.map((column) => column.padStart(12)).join('')}`);
}
