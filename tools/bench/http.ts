/**
 * How fast manifests are answered, as a ratio to Debian's docker-registry answering the same one in the same run. After
 * `npm run build`: `node --conditions=@nixery/source tools/bench/http.ts [--rounds N] [--seconds N] [--images N]`.
 * docs/benchmarks/http.md has what came of it.
 */
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { heading, median, row } from './cache-figures.ts';
import { addImages } from './http-images.ts';
import { ACCEPT, load, type Load } from './http-load.ts';
import { type BenchServer, startDockerRegistry, startNixery } from './http-servers.ts';

const IMAGE = 'shell/hello/modes';
const ADDED = 'image-0';
const execute = promisify(execFile);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    images: { type: 'string', default: '10000' },
    /** Write a profile of our server into this folder. */
    profile: { type: 'string' },
    /** Leave docker-registry out. */
    alone: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-http-'));
const servers: BenchServer[] = [];

interface Subject {
  readonly what: string;
  readonly server: 'nixery' | 'docker-registry';
  readonly url: string;
  readonly connections: number;
  readonly paths?: string;
}

try {
  await prepareTestPackages(join(folder, 'packages'));
  const digest = await buildOnce();
  const paths = await addImages(folder, IMAGE, Number(values.images));
  const one = join(folder, 'one.txt');
  const many = join(folder, 'many.txt');
  await writeFile(one, `/v2/${ADDED}/manifests/latest\n`);
  await writeFile(many, `${paths.join('\n')}\n`);

  const nixery = await start(startNixery(folder, nixEnvironment(), profiling()));
  const subjects = references('nixery', `http://${nixery.host}/v2/${IMAGE}`, digest);
  const base = { server: 'nixery', url: `http://${nixery.host}/`, connections: 16 } as const;
  subjects.push({ ...base, what: 'one image of a list', paths: one });
  subjects.push({ ...base, what: `${paths.length} images of a list`, paths: many });
  if (!values.alone) {
    const peer = await start(startDockerRegistry(folder, { accessLog: true }));
    const target = `${peer.host}/${IMAGE}:latest`;
    await copy(`docker://${nixery.host}/${IMAGE}:latest`, `docker://${target}`);
    subjects.push(...references('docker-registry', `http://${peer.host}/v2/${IMAGE}`, digest));
  }
  await warm(nixery.host, paths);
  report(await measure(subjects));
} finally {
  for (const server of servers) await server.stop();
  await rm(folder, { recursive: true });
}

async function start(starting: Promise<BenchServer>): Promise<BenchServer> {
  const server = await starting;
  servers.push(server);
  return server;
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

async function copy(from: string, to: string): Promise<void> {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await execute('skopeo', [
    '--insecure-policy',
    'copy',
    '--preserve-digests',
    ...insecure,
    from,
    to,
  ]);
}

function profiling(): readonly string[] {
  const { profile } = values;
  return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
}

function references(server: Subject['server'], url: string, digest: string): Subject[] {
  return [16, 1].flatMap((connections) => [
    { what: `by tag, ${connections}`, server, url: `${url}/manifests/latest`, connections },
    { what: `by digest, ${connections}`, server, url: `${url}/manifests/${digest}`, connections },
  ]);
}

/** Asks for each once. */
async function warm(host: string, paths: readonly string[]): Promise<void> {
  const waiting = paths.values();
  async function askOnes(): Promise<void> {
    for (const path of waiting) {
      const response = await fetch(`http://${host}${path}`);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
    }
  }
  await Promise.all(Array.from({ length: 16 }, askOnes));
}

/** In turns, so that other work on the machine is as hard on all. */
async function measure(
  subjects: readonly Subject[],
): Promise<ReadonlyMap<Subject, readonly Load[]>> {
  const loads = new Map<Subject, Load[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [subject, done] of loads)
      done.push(await load(subject.url, { ...subject, seconds }));
  }
  return loads;
}

function report(loads: ReadonlyMap<Subject, readonly Load[]>): void {
  heading(`median of ${values.rounds} rounds of ${seconds} s`);
  for (const [{ server, what }, done] of loads) {
    const peer = [...loads].find(
      ([subject]) => subject.what === what && subject.server === 'docker-registry',
    )?.[1];
    row(`${server}: ${what}`, figures(done), peer === undefined ? '' : ratios(done, peer));
  }
}

function figures(done: readonly Load[]): string {
  const [rate, p50, p99] = [
    rates(done),
    median(done.map((l) => l.p50Ms)),
    median(done.map((l) => l.p99Ms)),
  ];
  return `${rate.toFixed(0).padStart(6)} a second  p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)} ms`;
}

function ratios(done: readonly Load[], peer: readonly Load[]): string {
  const p50 = median(done.map((l) => l.p50Ms)) / median(peer.map((l) => l.p50Ms));
  return `rate × ${(rates(done) / rates(peer)).toFixed(1)}  p50 × ${p50.toFixed(2)}`;
}

function rates(done: readonly Load[]): number {
  return median(done.map(({ rate }) => rate));
}
