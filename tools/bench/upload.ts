import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { Digest } from '@nixery/storage';
import { BUCKET_KINDS, type BucketKind } from '@nixery/storage/testing';

import { curlParts, curlWhole, run, split, type Upload, uploadSchema } from './upload-curl.ts';

/**
 * How fast a large blob goes into a bucket, against curl sending the same file to the same server: see
 * docs/benchmarks/storage.md. Servers and uploads are processes of their own.
 *
 *   node --conditions=@nixery/source tools/bench/upload.ts [rounds] [MiB]
 */

const MIB = 1024 * 1024;
const [rounds = 3, size = 1024] = process.argv.slice(2).map(Number);

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-upload-'));
  try {
    const file = join(folder, 'blob');
    const digest = await fill(file, size * MIB);
    const pieces = await split(file, folder, size * MIB);
    for (const kind of BUCKET_KINDS) {
      const ways: Readonly<Record<string, (origin: string) => Promise<Upload>>> = {
        'curl, in one request': (origin) => curlWhole(kind, origin, file, size * MIB),
        ...(kind === 's3' && {
          'curl, in parts': (origin: string) => curlParts(origin, pieces, false),
          'curl, in checked parts': (origin: string) => curlParts(origin, pieces, true),
        }),
        'the store': (origin) => store(origin, kind, file, digest),
      };
      await compare(kind, ways);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * One after the other, round by round and each round beginning with another, so that what else happens on the machine meets all.
 * What one has written is on the disk before the next begins: the system would else slow down whoever comes last.
 */
async function compare(
  kind: BucketKind,
  ways: Readonly<Record<string, (origin: string) => Promise<Upload>>>,
): Promise<void> {
  const uploads = new Map<string, Upload[]>();
  const entries = Object.entries(ways);
  for (let round = 0; round < rounds; round += 1) {
    const first = round % entries.length;
    for (const [way, upload] of [...entries.slice(first), ...entries.slice(0, first)]) {
      await run('sync', []);
      uploads.set(way, [...(uploads.get(way) ?? []), await withServer(kind, upload)]);
    }
  }
  const ours = median((uploads.get('the store') ?? []).map(({ seconds }) => seconds));
  for (const [way, measured] of uploads) {
    const seconds = median(measured.map((upload) => upload.seconds));
    const cpu = median(measured.map((upload) => upload.cpuSeconds));
    const rate = ((size * MIB) / seconds / 1e6).toFixed(0);
    console.log(
      `${kind} ${way.padEnd(22)} ${seconds.toFixed(2)} s, ${rate} MB/s, ${cpu.toFixed(2)} s of processor; ` +
        `the store has ${(seconds / ours).toFixed(2)} of its rate`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function fill(file: string, bytes: number): Promise<Digest> {
  const hash = createHash('sha256');
  const handle = await open(file, 'wx');
  for (let written = 0; written < bytes; written += 16 * MIB) {
    const piece = randomBytes(Math.min(16 * MIB, bytes - written));
    hash.update(piece);
    await handle.writeFile(piece);
  }
  await handle.close();
  return `sha256:${hash.digest('hex')}`;
}

async function withServer<T>(kind: BucketKind, use: (origin: string) => Promise<T>): Promise<T> {
  const script = new URL('upload-server.ts', import.meta.url).pathname;
  const args = ['--conditions=@nixery/source', '--max-old-space-size=8192', script, kind];
  const server = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [origin]: unknown[] = await once(createInterface(server.stdout), 'line');
    return await use(String(origin));
  } finally {
    server.stdin.end();
    await once(server, 'exit');
  }
}

async function store(
  origin: string,
  kind: BucketKind,
  file: string,
  digest: Digest,
): Promise<Upload> {
  const script = new URL('upload-store.ts', import.meta.url).pathname;
  const args = ['--conditions=@nixery/source', script, kind, origin, file, digest];
  const { stdout } = await run(process.execPath, args);
  return uploadSchema.parse(JSON.parse(stdout));
}

await main();
