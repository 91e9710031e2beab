/**
 * What fifty who ask for one new image at once wait for, against one who asks alone. After `npm run build`,
 * as one who may use Nix: `node --conditions=@nixery/source tools/bench/sharing.ts [rounds] [name]`.
 * docs/benchmarks/sharing.md has what came of it.
 */
import { createPackageRepository } from '@nixery/builder/testing';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../e2e/server.ts';
import { heading, median, row } from './cache-figures.ts';

const ASKERS = 50;

const [rounds = '9', name = 'hello/sharesa'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-sharing-'));
const repository = await createPackageRepository(join(folder, 'upstream'));
const server = await startRegistry(folder, { NIXERY_PKGS_REPO: repository.url });
try {
  // The first image finds workers to start and a repository to copy.
  await slowestOf(1);
  const alone: number[] = [];
  const shared: number[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    alone.push(await slowestOf(1));
    shared.push(await slowestOf(ASKERS));
  }
  heading(`${name}, new to Nix and to the storage, ${rounds} rounds of each in turn`);
  row('one alone', `median ${median(alone).toFixed(0)} ms`);
  row(`the slowest of ${ASKERS} at once`, `median ${median(shared).toFixed(0)} ms`);
  const ratios = shared.map((ms, round) => ms / (alone[round] ?? Number.NaN));
  row('ratio', `median ${median(ratios).toFixed(2)}`);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Has so many ask for the image of a commit that nobody has asked for; ms until the last has its manifest. */
async function slowestOf(askers: number): Promise<number> {
  const commit = await repository.commit(randomUUID());
  const url = `${server.url}/v2/${name}/manifests/${commit}`;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: askers }, async () => {
      const response = await fetch(url);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
    }),
  );
  return performance.now() - began;
}
