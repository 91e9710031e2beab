import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PopularityError } from '@nixery/builder';
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from './config.ts';
import { type RunningServer, startServer } from './server.ts';
import { testSettings } from './testing/settings.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const manifestSchema = z.object({
  mediaType: z.string(),
  layers: z.array(z.object({ digest: z.string(), mediaType: z.string() })).min(2),
});

const collisionSchema = z.object({
  msg: z.string(),
  path: z.string().optional(),
  kept: z.string().optional(),
  dropped: z.array(z.string()).optional(),
  count: z.number().optional(),
});

let dir: string;
let servers: RunningServer[];
beforeEach(async () => {
  servers = [];
  dir = await mkdtemp(join(tmpdir(), 'nixery-layering-'));
  await prepareTestPackages(join(dir, 'packages'));
  Object.assign(process.env, nixEnvironment());
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  await rm(dir, { recursive: true });
});

/** A server with a storage and a state of its own. */
async function start(
  env: Readonly<Record<string, string>>,
  logger = pino({ level: 'silent' }),
): Promise<RunningServer> {
  const name = String(servers.length);
  const { config } = readConfig({
    ...testSettings(join(dir, name)),
    NIXERY_PKGS_PATH: join(dir, 'packages'),
    ...env,
  });
  const server = await startServer(config, logger);
  servers.push(server);
  return server;
}

async function pull({ port }: RunningServer, name: string, accept: string) {
  const response = await fetch(`http://127.0.0.1:${port}/v2/${name}/manifests/latest`, {
    headers: { Accept: accept },
  });
  expect(response.status).toBe(200);
  const digest = response.headers.get('docker-content-digest');
  return { digest, ...manifestSchema.parse(await response.json()) };
}

function layerTypes({ layers }: z.infer<typeof manifestSchema>): readonly string[] {
  return [...new Set(layers.map(({ mediaType }) => mediaType))];
}

describe('a server told to compress with zstd', () => {
  it('gives zstd to whoever accepts OCI’s form, and gzip to who knows Docker’s alone', async () => {
    const server = await start({ NIXERY_COMPRESSION: 'zstd:3' });
    const docker = await pull(server, 'hello', DOCKER);
    const oci = await pull(server, 'hello', `${DOCKER}, ${OCI}`);
    expect([oci.mediaType, ...layerTypes(oci)]).toEqual([
      OCI,
      'application/vnd.oci.image.layer.v1.tar+zstd',
    ]);
    expect([docker.mediaType, ...layerTypes(docker)]).toEqual([
      DOCKER,
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ]);
    expect((await pull(server, 'hello', '*/*')).digest).toBe(oci.digest);
  });
});

describe('a server told where popularity counts are', () => {
  const name = 'shell/sharesa/sharesb';
  /** Under these, small paths go apart that would share a layer. */
  const counts = JSON.stringify({ 'busybox-1.0': 40_000, 'coreutils-1.0': 900, 'nano-1.0': 30 });

  it('reads them from a file and from a server, and layers images by them', async () => {
    const file = join(dir, 'counts.json');
    await writeFile(file, counts);
    const web = createServer((_request, response) => response.end(counts));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const address = web.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const without = await pull(await start({}), name, OCI);
      const fromFile = await start({ NIX_POPULARITY_URL: pathToFileURL(file).href });
      const fromServer = await start({ NIX_POPULARITY_URL: `http://127.0.0.1:${port}/counts` });
      const layered = await pull(fromFile, name, OCI);
      expect(layered.digest).not.toBe(without.digest);
      expect((await pull(fromServer, name, OCI)).digest).toBe(layered.digest);
    } finally {
      await new Promise((resolve) => web.close(resolve));
    }
  });

  it('does not start without them: images would silently have other digests', async () => {
    const url = pathToFileURL(join(dir, 'absent.json')).href;
    await expect(start({ NIX_POPULARITY_URL: url })).rejects.toBeInstanceOf(PopularityError);
  });
});

describe('packages that bring the same files', () => {
  it('are logged with the one whose file the image has, the first in the alphabet', async () => {
    const lines: string[] = [];
    const server = await start({}, pino({ level: 'warn' }, { write: (line) => lines.push(line) }));
    await pull(server, 'collidingb/collidinga', OCI);
    await pull(server, 'collidingmanyb/collidingmanya', OCI);
    const logged = lines.map((line) => collisionSchema.parse(JSON.parse(line)));
    expect(logged[0]).toEqual({
      msg: 'packages bring the same file',
      path: '/share/colliding/file',
      kept: 'collidinga',
      dropped: ['collidingb'],
    });
    // Not a line for each of thousands.
    expect(logged).toHaveLength(1 + 50 + 1);
    expect(logged.at(-1)).toEqual({
      msg: 'packages bring as many more of the same files',
      count: 10,
    });
  });
});
