/**
 * How fast blobs are served from the file system, as ratios to nginx with sendfile and to Debian's docker-registry, which
 * serve the same file in the same run; and what readers that hardly read cost. After `npm run build`:
 * `node --conditions=@nixery/source tools/bench/blobs.ts [--rounds N] [--seconds N] [--readers N]`. docs/benchmarks/blobs.md
 * has what came of it.
 */
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { makeBlob, offerBlob, type Blob } from './blobs-files.ts';
import { startNginx } from './blobs-nginx.ts';
import type { Target } from './blobs-reader.ts';
import { holdSlowReaders } from './blobs-slow-readers.ts';
import { heading, mebibytes, median, row } from './cache-figures.ts';
import { type BenchServer, startDockerRegistry, startNixery } from './http-servers.ts';

const MIB = 1024 * 1024;
const SIZES = [20 * MIB, 1024 * MIB];
/** Of blobs that one connection each reads. */
const OWN_SIZE = 40 * MIB;
/** How many read at a time, where it is more than one. */
const CONNECTIONS = 4;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    readers: { type: 'string', default: '1000' },
  },
});

const ms = Number(values.seconds) * 1_000;
const bytesSchema = z.tuple([z.number()]);
const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-blobs-'));
const servers: BenchServer[] = [];
try {
  await prepareTestPackages(join(folder, 'packages'));
  const blobs = await Promise.all(SIZES.map((size) => makeBlob(folder, size)));
  const own = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => makeBlob(folder, OWN_SIZE)),
  );
  for (const blob of [...blobs, ...own]) await offerBlob(folder, blob);
  const nixery = await start(startNixery(folder, nixEnvironment()));
  const nginx = await start(startNginx(folder));
  const peer = await start(startDockerRegistry(folder, { accessLog: true }));
  const rivals = { nixery, nginx, peer };
  for (const blob of blobs) {
    heading(`a blob of ${mebibytes(blob.size)}, ${values.rounds} rounds of ${values.seconds} s`);
    await compare('1 connection', [blob], rivals);
    await compare(`${CONNECTIONS} connections`, Array(CONNECTIONS).fill(blob), rivals);
  }
  heading(`blobs of ${mebibytes(OWN_SIZE)}, ${values.rounds} rounds of ${values.seconds} s`);
  await compare(`${CONNECTIONS} connections, each its own`, own, rivals);
  const [, large] = blobs;
  if (large !== undefined) await slowReaders(nixery, large);
} finally {
  for (const server of servers) await server.stop();
  await rm(folder, { recursive: true });
}

async function start(starting: Promise<BenchServer>): Promise<BenchServer> {
  const server = await starting;
  servers.push(server);
  return server;
}

/** In turns, so that other work on the machine is as hard on all. */
async function compare(
  name: string,
  wanted: readonly Blob[],
  { nginx, nixery, peer }: Readonly<Record<'nixery' | 'nginx' | 'peer', BenchServer>>,
): Promise<void> {
  const rates: (readonly number[])[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const [ours, sendfile, other] = [
      await rate(nixery, wanted.map(registryPath)),
      await rate(
        nginx,
        wanted.map(({ digest }) => `/${digest.slice('sha256:'.length)}`),
      ),
      await rate(peer, wanted.map(registryPath)),
    ];
    rates.push([ours, sendfile, other, ours / sendfile, ours / other]);
  }
  const [ours, sendfile, other, toNginx, toRegistry] = Array.from({ length: 5 }, (_, column) =>
    median(rates.map((figures) => figures[column] ?? Number.NaN)),
  );
  row(
    name,
    `nixery ${perSecond(ours)}`,
    `nginx ${perSecond(sendfile)} (ratio ${toNginx?.toFixed(2)})`,
    `docker-registry ${perSecond(other)} (ratio ${toRegistry?.toFixed(2)})`,
  );
}

function registryPath({ digest }: Blob): string {
  return `/v2/bench/blobs/${digest}`;
}

/** Bytes a second that so many connections take, each in a thread of its own. */
async function rate({ host }: BenchServer, paths: readonly string[]): Promise<number> {
  const taken = await Promise.all(
    paths.map(async (path) => {
      const file = new URL('blobs-worker.ts', import.meta.url);
      const target = { host, path } satisfies Target;
      const worker = new Worker(file, { workerData: { target, ms } });
      const [bytes] = bytesSchema.parse(await once(worker, 'message'));
      return bytes;
    }),
  );
  return taken.reduce((sum, bytes) => sum + bytes, 0) / (ms / 1_000);
}

function perSecond(bytes: number | undefined): string {
  return `${((bytes ?? Number.NaN) / 1e9).toFixed(2)} GB/s`;
}

async function slowReaders(server: BenchServer, blob: Blob): Promise<void> {
  const count = Number(values.readers);
  const { before, while: during } = await holdSlowReaders(server, registryPath(blob), count);
  heading(`${count} readers at once that take 64 KiB a second each`);
  row('memory before', mebibytes(before));
  row('highest while they read', mebibytes(during));
  row('for each of them', `${((during - before) / count / 1024).toFixed(0)} KiB`);
}
