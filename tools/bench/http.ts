/**
 * How fast manifests are answered, as a ratio to Debian's docker-registry answering the same one in the same run. After
 * `npm run build`: `node --conditions=@nixery/source tools/bench/http.ts [--rounds N] [--seconds N] [--images N] [--layers N]`.
 * docs/benchmarks/http.md has what came of it.
 */
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { heading, median, row } from './cache-figures.ts';
import { type AddedImage, addImages, addToDockerRegistry } from './http-images.ts';
import { ACCEPT, load, type Load } from './http-load.ts';
import { busySince, threadTimes } from './http-threads.ts';
import {
  type BenchServer,
  dockerRegistryData,
  startDockerRegistry,
  startNixery,
} from './http-servers.ts';

const IMAGE = 'shell/hello/sharesa/sharesb/camelcase/modes/singlefile/emptydirs/unicodenames';
const ADDED = 'image-0';
const execute = promisify(execFile);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    images: { type: 'string', default: '10000' },
    /** Of each of the images of the list, at least. */
    layers: { type: 'string', default: '0' },
    /** Write a profile of our server into this folder. */
    profile: { type: 'string' },
    /** Leave docker-registry out. */
    alone: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-http-'));
const servers: BenchServer[] = [];

const NAMES = ['nixery', 'docker-registry'] as const;
type Name = (typeof NAMES)[number];
type Servers = Readonly<Partial<Record<Name, BenchServer>>>;

interface Subject {
  readonly what: string;
  /** Below `/v2/`. */
  readonly path: string;
  readonly connections: number;
  /** A file of paths to ask for instead. */
  readonly paths?: string;
  /** Another of the subjects, whose rate this one's is a ratio to. */
  readonly peer?: Subject;
}

interface Measured extends Load {
  /** µs of the processor for one request: the main thread, the busiest of the others, all the rest. */
  readonly busyUs: readonly [main: number, busiest: number, rest: number];
}

/** By server, one a round. */
type Loads = Readonly<Record<Name, Measured[]>>;

try {
  await prepareTestPackages(join(folder, 'packages'));
  const digest = await buildOnce();
  const images = await addImages(folder, IMAGE, {
    count: Number(values.images),
    layers: Number(values.layers),
  });
  const paths = images.map(({ name }) => `/v2/${name}/manifests/latest`);
  const one = join(folder, 'one.txt');
  const spelled = join(folder, 'spelled.txt');
  const many = join(folder, 'many.txt');
  await writeFile(one, `/v2/${ADDED}/manifests/latest\n`);
  // A query that means nothing: the list costs wrk as much, and the server answers with the same image.
  const spellings = paths.map((_, n) => `/v2/${ADDED}/manifests/latest?n=${n}`);
  await writeFile(spelled, `${spellings.join('\n')}\n`);
  await writeFile(many, `${paths.join('\n')}\n`);

  const nixery = await start(startNixery(folder, nixEnvironment(), profiling()));
  const peer = values.alone ? undefined : await startPeer(nixery.host, images);
  const compared: Servers = { nixery, ...(peer && { 'docker-registry': peer }) };
  for (const { host } of Object.values(compared)) await warm(host, paths);
  const list = { path: '', connections: 16 } as const;
  const oneImage = { ...list, what: `${paths.length} addresses of one image`, paths: spelled };
  report(
    await measure(compared, [
      ...[16, 1].flatMap((connections) => [
        { what: 'by tag', path: `${IMAGE}/manifests/latest`, connections },
        { what: 'by digest', path: `${IMAGE}/manifests/${digest}`, connections },
      ]),
      { ...list, what: 'one image of a list', paths: one },
      oneImage,
      { ...list, what: `${paths.length} images of a list`, paths: many, peer: oneImage },
    ]),
  );
} finally {
  for (const server of servers) await server.stop();
  await rm(folder, { recursive: true });
}

async function start(starting: Promise<BenchServer>): Promise<BenchServer> {
  const server = await starting;
  servers.push(server);
  return server;
}

/** docker-registry with all the images of `host`. */
async function startPeer(host: string, images: readonly AddedImage[]): Promise<BenchServer> {
  await addToDockerRegistry(dockerRegistryData(folder), images);
  const peer = await start(startDockerRegistry(folder, { accessLog: true }));
  await copyImage(host, peer.host);
  return peer;
}

/** Has our server build the image, and ends it. @returns the manifest's digest */
async function buildOnce(): Promise<string> {
  const server = await start(startNixery(folder, nixEnvironment()));
  const url = `http://${server.host}/v2/${IMAGE}/manifests/latest`;
  const response = await fetch(url, { headers: { Accept: ACCEPT } });
  const body = await response.text();
  const digest = response.headers.get('docker-content-digest');
  if (!response.ok || digest === null) throw new Error(`${url}: ${response.status} ${body}`);
  row('manifest', `${body.length} bytes`);
  await server.stop();
  return digest;
}

async function copyImage(from: string, to: string): Promise<void> {
  await execute('skopeo', [
    ...['--insecure-policy', 'copy', '--preserve-digests'],
    ...['--src-tls-verify=false', '--dest-tls-verify=false'],
    ...[from, to].map((host) => `docker://${host}/${IMAGE}:latest`),
  ]);
}

function profiling(): readonly string[] {
  const { profile } = values;
  return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
}

/** Asks for each once. */
async function warm(host: string, paths: readonly string[]): Promise<void> {
  const waiting = paths.values();
  async function askOnes(): Promise<void> {
    for (const path of waiting) {
      const response = await fetch(`http://${host}${path}`, { headers: { Accept: ACCEPT } });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
    }
  }
  await Promise.all(Array.from({ length: 16 }, askOnes));
}

/** In turns, so that other work on the machine is as hard on both. */
async function measure(
  compared: Servers,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<Subject, Loads>> {
  const all = new Map(
    subjects.map((subject): [Subject, Loads] => [subject, { nixery: [], 'docker-registry': [] }]),
  );
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [subject, loads] of all) {
      for (const name of NAMES) {
        const server = compared[name];
        if (server !== undefined) loads[name].push(await measureOne(server, subject));
      }
    }
  }
  return all;
}

async function measureOne({ host, pid }: BenchServer, subject: Subject): Promise<Measured> {
  const before = await threadTimes(pid);
  const done = await load(`http://${host}/v2/${subject.path}`, { ...subject, seconds });
  const busy = busySince(before, await threadTimes(pid), pid);
  const [main = 0, busiest = 0, rest = 0] = busy.map((us) => us / (done.rate * done.seconds));
  return { ...done, busyUs: [main, busiest, rest] };
}

function report(all: ReadonlyMap<Subject, Loads>): void {
  for (const [{ connections, peer, what }, loads] of all) {
    heading(
      `${what}, ${connections} connections: median of ${values.rounds} rounds of ${seconds} s`,
    );
    for (const [name, done] of Object.entries(loads)) if (done.length > 0) row(name, figures(done));
    row('nixery, µs of the processor for one request', busyFigures(loads.nixery));
    if (loads['docker-registry'].length > 0) row('ratio, of each round', ratios(loads));
    if (peer !== undefined) reportRatio(peer.what, loads, all.get(peer));
  }
}

/** Of each server, to what it came to with another subject. */
function reportRatio(what: string, loads: Loads, others: Loads | undefined): void {
  for (const name of NAMES) {
    const rates = ratiosOf('rate', loads[name], others?.[name] ?? []);
    if (rates.length > 0) row(`${name}, ratio to ${what}`, `rate × ${spreadOf(rates, 2)}`);
  }
}

function figures(done: readonly Measured[]): string {
  const [rate, p50, p99] = (['rate', 'p50Ms', 'p99Ms'] as const).map((figure) =>
    median(done.map((one) => one[figure])),
  );
  return `${rate?.toFixed(0).padStart(6)} a second   p50 ${p50?.toFixed(2)} ms   p99 ${p99?.toFixed(2)} ms`;
}

function busyFigures(done: readonly Measured[]): string {
  const [main, busiest, rest] = ([0, 1, 2] as const).map((n) =>
    median(done.map(({ busyUs }) => busyUs[n])).toFixed(1),
  );
  return `main thread ${main}   cache actor ${busiest}   others ${rest}`;
}

function ratios({ nixery, 'docker-registry': peer }: Loads): string {
  const rates = ratiosOf('rate', nixery, peer);
  const waits = ratiosOf('p50Ms', nixery, peer);
  return `rate × ${spreadOf(rates, 1)}   p50 × ${median(waits).toFixed(2)}`;
}

/** Round by round: these are short, and what else goes on in one is as hard on both. */
function ratiosOf(
  figure: 'rate' | 'p50Ms',
  done: readonly Measured[],
  others: readonly Measured[],
): readonly number[] {
  return done.map((one, round) => one[figure] / (others[round]?.[figure] ?? Number.NaN));
}

function spreadOf(ratios: readonly number[], digits: number): string {
  const [least, middle, most] = [Math.min(...ratios), median(ratios), Math.max(...ratios)].map(
    (ratio) => ratio.toFixed(digits),
  );
  return `${middle} (${least} to ${most})`;
}
