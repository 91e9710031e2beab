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
  for (const blob of blobs) await offerBlob(folder, blob);
  const nixery = await start(startNixery(folder, nixEnvironment()));
  const nginx = await start(startNginx(folder));
  const peer = await start(startDockerRegistry(folder, { accessLog: true }));
  for (const blob of blobs) await compare(blob, { nixery, nginx, peer });
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
  blob: Blob,
  { nginx, nixery, peer }: Readonly<Record<'nixery' | 'nginx' | 'peer', BenchServer>>,
): Promise<void> {
  const registryPath = `v2/bench/blobs/${blob.digest}`;
  const targets = [
    { host: nixery.host, path: `/${registryPath}` },
    { host: nginx.host, path: `/${blob.digest.slice('sha256:'.length)}` },
    { host: peer.host, path: `/${registryPath}` },
  ] as const;
  heading(`a blob of ${mebibytes(blob.size)}, ${values.rounds} rounds of ${values.seconds} s`);
  for (const connections of [1, 4]) {
    const rates: (readonly number[])[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const [ours, sendfile, other] = [
        await rate(targets[0], connections),
        await rate(targets[1], connections),
        await rate(targets[2], connections),
      ];
      rates.push([ours, sendfile, other, ours / sendfile, ours / other]);
    }
    const [ours, sendfile, other, toNginx, toRegistry] = Array.from({ length: 5 }, (_, column) =>
      median(rates.map((figures) => figures[column] ?? Number.NaN)),
    );
    row(
      `${connections} connection${connections === 1 ? '' : 's'}`,
      `nixery ${perSecond(ours)}`,
      `nginx ${perSecond(sendfile)} (ratio ${toNginx?.toFixed(2)})`,
      `docker-registry ${perSecond(other)} (ratio ${toRegistry?.toFixed(2)})`,
    );
  }
}

/** Bytes a second that so many connections take, each in a thread of its own. */
async function rate(target: Target, connections: number): Promise<number> {
  const taken = await Promise.all(
    Array.from({ length: connections }, async () => {
      const file = new URL('blobs-worker.ts', import.meta.url);
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

async function slowReaders(server: BenchServer, { digest }: Blob): Promise<void> {
  const count = Number(values.readers);
  const { before, while: during } = await holdSlowReaders(
    server,
    `/v2/bench/blobs/${digest}`,
    count,
  );
  heading(`${count} readers at once that take 64 KiB a second each`);
  row('memory before', mebibytes(before));
  row('highest while they read', mebibytes(during));
  row('for each of them', `${((during - before) / count / 1024).toFixed(0)} KiB`);
}
