/**
 * What pulls cost by the way that store paths are put into layers, over a workload drawn from the offline package set, or, with
 * `--large`, over one of large images, from what apt's lists say of Debian's packages:
 * `node --conditions=@nixery/source tools/bench/layers.ts [--large] [--images N] [--seed N] [--budget N] [--pulls IMAGES]`. Needs apt, and Nix
 * unless --large; --pulls, skopeo. docs/benchmarks/layers.md says what it showed.
 */
import {
  DEFAULT_LAYER_BUDGET,
  planLayers,
  type PopularityCounts,
  type StorePathInfo,
} from '@nixery/builder/layer';
import { parseArgs } from 'node:util';
import { countReferences } from '../popularity/count.ts';
import { LARGE_CATALOGUE, readAptSet } from './layers-apt.ts';
import { planDominators, planSinglePaths, planSmallTogether } from './layers-baselines.ts';
import { buildOfflineSet } from './layers-offline-set.ts';
import { timePulls } from './layers-pulls.ts';
import { type Cost, simulate, type Strategy } from './layers-simulate.ts';
import { packedSizes } from './layers-sizes.ts';
import { syntheticGraph } from './layers-synthetic.ts';
import { drawWorkload, OFFLINE_CATALOGUE, type PackageSet } from './layers-workload.ts';

const { values } = parseArgs({
  options: {
    large: { type: 'boolean', default: false },
    images: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    budget: { type: 'string', default: String(DEFAULT_LAYER_BUDGET) },
    pulls: { type: 'string', default: '0' },
  },
});
const budget = Number(values.budget);

const catalogue = values.large ? LARGE_CATALOGUE : OFFLINE_CATALOGUE;
const set = values.large ? await readAptSet(catalogue) : await packedOfflineSet();
const { packedSize } = set;
const popularity = countReferences(set.graph);
const workload = drawWorkload(set, catalogue, Number(values.images), Number(values.seed));
const strategies = allStrategies(popularity);

describeWorkload();
for (const [title, clients] of [
  ['each pull by a client that has nothing', undefined],
  ['10 clients in turn', 10],
  ['one client', 1],
] as const) {
  table(title, (strategy) => simulate(strategy, workload, { clients, budget, packedSize }));
}
for (const bump of workload.bumps) {
  table(`10 clients in turn, all images again after a new version of: ${bump.name}`, (strategy) =>
    simulate(strategy, workload, { clients: 10, budget, packedSize, bump }),
  );
}
planningTimes();
if (Number(values.pulls) > 0 && !values.large) await realPulls(Number(values.pulls));

async function packedOfflineSet(): Promise<PackageSet> {
  const offline = await buildOfflineSet();
  const packedSize = await packedSizes(offline.graph, { format: 'gzip', level: 6 });
  return { ...offline, packedSize };
}

function allStrategies(counts: PopularityCounts): readonly Strategy[] {
  return [
    { name: 'dominator tree (Nixery)', plan: planDominators },
    {
      name: 'dominator tree, with popularity',
      plan: (graph, most) => planDominators(graph, most, counts),
    },
    { name: 'one path a layer, merged tail', plan: planSinglePaths },
    ...[64, 256].map((kib) => ({
      name: `below ${kib} KiB together`,
      plan: (graph: readonly StorePathInfo[], most: number) =>
        planSmallTogether(graph, most, kib * 1024),
    })),
    { name: 'ours', plan: (graph, most) => planLayers(graph, { budget: most }) },
    {
      name: 'ours, with popularity',
      plan: (graph, most) => planLayers(graph, { budget: most, popularity: counts }),
    },
  ];
}

function describeWorkload(): void {
  const paths = workload.first.images.map(({ length }) => length).sort((a, b) => a - b);
  const total = set.graph.reduce((sum, info) => sum + packedSize(info), 0);
  console.log(
    `${set.graph.length} store paths, ${megabytes(total)} packed; ${workload.first.images.length} images ` +
      `(${workload.distinctImages} distinct) of ${paths[0]} to ${paths.at(-1)} paths, median ${median(paths)}; budget ${budget}`,
  );
}

function table(title: string, costOf: (strategy: Strategy) => Cost): void {
  console.log(`\n${title}`);
  row('', 'bytes', '× ideal', 'layers a pull', 'ms a pull');
  for (const strategy of strategies) {
    const { bytes, idealBytes, requests, modelledTime, pulls } = costOf(strategy);
    const perPull = [requests, modelledTime].map((sum) => sum / pulls);
    const [layers = 0, ms = 0] = perPull;
    const ratio = (bytes / idealBytes).toFixed(3);
    row(strategy.name, megabytes(bytes), ratio, layers.toFixed(1), ms.toFixed(0));
  }
}

function planningTimes(): void {
  console.log(
    '\nplanning, ms of CPU: the largest image; 10,000 paths and 90,000 references below one root, and below 64',
  );
  const [image = []] = workload.first.images.toSorted((a, b) => a.length - b.length).slice(-1);
  const graphs = [image, syntheticGraph(10_000, 1), syntheticGraph(10_000, 64)];
  for (const { name, plan } of strategies) {
    const times = graphs.map((graph) => {
      const runs = Array.from({ length: 9 }, () => {
        // As it comes from a worker: strings that nobody has hashed yet.
        const fresh = structuredClone(graph);
        const before = threadTime();
        plan(fresh, budget);
        return threadTime() - before;
      });
      return median(runs.sort((a, b) => a - b)).toFixed(1);
    });
    row(name, ...times);
  }
}

async function realPulls(count: number): Promise<void> {
  console.log(
    `\nskopeo, ${count} images one after another from this machine, s: median of the rounds, and each`,
  );
  const images = workload.first.images.slice(0, count);
  const compared = strategies.filter(({ name }) => !name.startsWith('below'));
  const seconds = await timePulls(compared, images, { budget, rounds: 5 });
  for (const [name, rounds] of seconds) {
    const middle = median(rounds.toSorted((a, b) => a - b)).toFixed(2);
    row(name, middle, `    ${rounds.map((time) => time.toFixed(2)).join(' ')}`);
  }
}

/** ms of this thread: other programs' load does not count. */
function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** @param sorted not empty */
function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function row(name: string, ...columns: readonly string[]): void {
  console.log(`  ${name.padEnd(34)}${columns.map((column) => column.padStart(14)).join('')}`);
}
