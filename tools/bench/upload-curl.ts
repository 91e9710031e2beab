import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
const SIGNED = [
  ...['--aws-sigv4', 'aws:amz:us-east-1:s3'],
  ...['--user', `${CREDENTIALS.accessKeyId}:${CREDENTIALS.secretAccessKey}`],
  ...['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD'],
];

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
  readonly files: readonly string[];
  readonly etags: readonly string[];
}

/** Cuts a file into pieces that are sent as parts. */
export async function split(file: string, folder: string, bytes: number): Promise<Pieces> {
  const digits = String(Math.ceil(bytes / PART_BYTES)).length;
  const prefix = join(folder, 'piece-');
  await run('split', ['-b', String(PART_BYTES), '-d', '-a', String(digits), file, prefix]);
  const names = (await readdir(folder)).filter((name) => name.startsWith('piece-')).toSorted();
  const files = names.map((name) => join(folder, name));
  const { stdout } = await run('md5sum', files);
  return {
    folder,
    files,
    etags: stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 32)),
  };
}

/** Pieces as the parts of one object, several at a time; from its start to its completion. */
export async function curlParts(origin: string, pieces: Pieces): Promise<Upload> {
  const address = `${origin}/images/layers/curl`;
  const { stdout } = await run('curl', ['-sSf', '-X', 'POST', ...SIGNED, `${address}?uploads=`]);
  const id = /<UploadId>([^<]+)</.exec(stdout)?.[1] ?? '';
  const parts = pieces.files.map((file, index) => [
    ...[...QUIET, ...SIGNED, '-T', file],
    `${address}?partNumber=${index + 1}&uploadId=${id}`,
  ]);
  const config = join(pieces.folder, 'config');
  await writeFile(config, parts.map((args) => configOf(args)).join('next\n'));
  const sent = await timed(['--parallel', '--parallel-max', String(PARALLEL_PARTS), '-K', config]);

  const list = pieces.etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  );
  const body = join(pieces.folder, 'complete');
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
