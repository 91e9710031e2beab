import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { type BucketKind, CREDENTIALS } from '@nixery/storage/testing';
import { z } from 'zod';

export const uploadSchema = z.object({
  seconds: z.number(),
  /** Of the uploading process, user and system. */
  cpuSeconds: z.number(),
});
export type Upload = z.infer<typeof uploadSchema>;

/** As large and as many at a time as the store's. */
const PART_BYTES = 8 * 1024 * 1024;
const PARALLEL_PARTS = 4;

const QUIET = ['-sSf', '-o', '/dev/null', '-H', 'Expect:'];
const KEYS = [
  ...['--aws-sigv4', 'aws:amz:us-east-1:s3'],
  ...['--user', `${CREDENTIALS.accessKeyId}:${CREDENTIALS.secretAccessKey}`],
];
const SIGNED = [...KEYS, '-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD'];

/** A file in one request, without a checksum. */
export async function curlWhole(
  kind: BucketKind,
  origin: string,
  file: string,
  bytes: number,
): Promise<Upload> {
  const how =
    kind === 'gcs'
      ? ['-H', `Content-Range: bytes 0-${bytes - 1}/${bytes}`, await sessionAt(origin)]
      : [...SIGNED, `${origin}/images/layers/curl`];
  return await timed([...QUIET, '-T', file, ...how]);
}

/** The way that large objects go to Cloud Storage. */
async function sessionAt(origin: string): Promise<string> {
  const path = '/upload/storage/v1/b/images/o?uploadType=resumable&name=layers/curl';
  const response = await fetch(`${origin}${path}`, { method: 'POST' });
  const session = response.headers.get('location');
  if (session === null) throw new Error(`no session: ${await response.text()}`);
  return session;
}

export interface Pieces {
  readonly folder: string;
  /** In their order. */
  readonly pieces: readonly Piece[];
}

interface Piece {
  readonly file: string;
  readonly etag: string;
  /** What the store has the server compare it with. */
  readonly checksums: readonly string[];
}

/** Cuts a file into pieces that are sent as parts. */
export async function split(file: string, folder: string, bytes: number): Promise<Pieces> {
  const digits = String(Math.ceil(bytes / PART_BYTES)).length;
  const prefix = join(folder, 'piece-');
  await run('split', ['-b', String(PART_BYTES), '-d', '-a', String(digits), file, prefix]);
  const names = (await readdir(folder)).filter((name) => name.startsWith('piece-')).toSorted();
  const pieces: Piece[] = [];
  for (const name of names) pieces.push(await describePiece(join(folder, name)));
  return { folder, pieces };
}

async function describePiece(file: string): Promise<Piece> {
  const bytes = await readFile(file);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return {
    file,
    etag: hash('md5', bytes),
    checksums: [
      ...['-H', `x-amz-content-sha256: ${hash('sha256', bytes)}`],
      ...['-H', `x-amz-checksum-crc32: ${checksum.toString('base64')}`],
    ],
  };
}

/**
 * Pieces as the parts of one object, several at a time; from its start to its completion.
 *
 * @param isChecked whether the server is to compare them with their checksums, computed before, as it compares the store's
 */
export async function curlParts(
  origin: string,
  { folder, pieces }: Pieces,
  isChecked: boolean,
): Promise<Upload> {
  const address = `${origin}/images/layers/curl`;
  const { stdout } = await run('curl', ['-sSf', '-X', 'POST', ...SIGNED, `${address}?uploads=`]);
  const id = /<UploadId>([^<]+)</.exec(stdout)?.[1] ?? '';
  const parts = pieces.map(({ checksums, file }, index) => [
    ...[...QUIET, ...(isChecked ? [...KEYS, ...checksums] : SIGNED), '-T', file],
    `${address}?partNumber=${index + 1}&uploadId=${id}`,
  ]);
  const config = join(folder, 'config');
  await writeFile(config, parts.map((args) => configOf(args)).join('next\n'));
  const sent = await timed(['--parallel', '--parallel-max', String(PARALLEL_PARTS), '-K', config]);

  const list = pieces.map(
    ({ etag }, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  const body = join(folder, 'complete');
  await writeFile(body, `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
  const complete = ['-X', 'POST', ...SIGNED, '--data-binary', `@${body}`];
  const completed = await timed([...QUIET, ...complete, `${address}?uploadId=${id}`]);
  return {
    seconds: sent.seconds + completed.seconds,
    cpuSeconds: sent.cpuSeconds + completed.cpuSeconds,
  };
}

/** https://curl.se/docs/manpage.html#-K */
function configOf(args: readonly string[]): string {
  const lines: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index] ?? '';
    if (!name.startsWith('-')) lines.push(`url = "${name}"`);
    else if (name === '-sSf') lines.push('-sSf');
    else lines.push(`${name} "${args[(index += 1)] ?? ''}"`);
  }
  return `${lines.join('\n')}\n`;
}

async function timed(args: readonly string[]): Promise<Upload> {
  const script = `TIMEFORMAT='%R %U %S'; time curl "$@"`;
  const { stderr } = await run('bash', ['-c', script, 'timed', ...args]);
  const [seconds, user, system] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return uploadSchema.parse({ seconds, cpuSeconds: Number(user) + Number(system) });
}

/** @throws Error with what the program printed, where it fails */
export async function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${stderr}`);
  return { stdout, stderr };
}
