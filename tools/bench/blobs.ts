/**
 * How fast blobs are served from the file system, as ratios to nginx with sendfile and to Debian's docker-registry, which
 * serve the same file in the same run; and what readers that hardly read cost. After `npm run build`:
 * `node --conditions=@nixery/source tools/bench/blobs.ts [--rounds N] [--seconds N] [--readers N]`. docs/benchmarks/blobs.md
 * has what came of it.
 */
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makeBlob, offerBlob, type Blob } from './blobs-files.ts';
import { startNginx } from './blobs-nginx.ts';
import { holdSlowReaders } from './blobs-slow-readers.ts';
import { heading, mebibytes, median, row } from './cache-figures.ts';
import { type BenchServer, startDockerRegistry, startNixery } from './http-servers.ts';

const MIB = 1024 * 1024;
const SIZES = [20 * MIB, 1024 * MIB];
const execute = promisify(execFile);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    readers: { type: 'string', default: '1000' },
  },
});

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
  const urls = [
    `http://${nixery.host}/${registryPath}`,
    `http://${nginx.host}/${blob.digest.slice('sha256:'.length)}`,
    `http://${peer.host}/${registryPath}`,
  ] as const;
  heading(`a blob of ${mebibytes(blob.size)}, ${values.rounds} rounds of ${values.seconds} s`);
  for (const connections of [1, 4]) {
    const rates: (readonly number[])[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const [ours, sendfile, other] = [
        await rate(urls[0], connections),
        await rate(urls[1], connections),
        await rate(urls[2], connections),
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

/** Bytes a second that wrk reads. */
async function rate(url: string, connections: number): Promise<number> {
  const { stdout } = await execute('wrk', [
    ...['--threads', '1', '--connections', String(connections)],
    ...['--duration', `${values.seconds}s`, '--timeout', '60s', url],
  ]);
  const [, amount = '', unit = ''] = /Transfer\/sec:\s+([\d.]+)([KMG]?)B/.exec(stdout) ?? [];
  if (amount === '' || /Non-2xx/.test(stdout)) throw new Error(`${url}: ${stdout}`);
  return Number(amount) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit);
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
