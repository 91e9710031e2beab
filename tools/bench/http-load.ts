/** Load from wrk. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const execute = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('http-load.lua', import.meta.url));

/** What docker, podman and containerd accept, as they write it. */
export const ACCEPT = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const reportSchema = z.object({
  requests: z.int(),
  us: z.int(),
  errors: z.int(),
  p50Us: z.number(),
  p99Us: z.number(),
});

export interface Load {
  /** A second. */
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** For which it was asked. */
  readonly seconds: number;
}

/**
 * @param paths a file of paths to ask for in random order, instead of the URL's
 * @throws Error when a request fails or is not answered 2xx or 3xx
 */
export async function load(
  url: string,
  options: { readonly connections: number; readonly seconds: number; readonly paths?: string },
): Promise<Load> {
  const { connections, paths, seconds } = options;
  const { stdout } = await execute('wrk', [
    ...['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`],
    ...['--header', `Accept: ${ACCEPT}`, '--script', SCRIPT, url],
    ...(paths === undefined ? [] : ['--', paths]),
  ]);
  const report = stdout.split('\n').find((line) => line.startsWith('{'));
  const { errors, p50Us, p99Us, requests, us } = reportSchema.parse(JSON.parse(report ?? 'null'));
  if (errors > 0) throw new Error(`${errors} of ${requests} requests to ${url} failed`);
  return {
    rate: (requests / us) * 1e6,
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
    seconds: us / 1e6,
  };
}
