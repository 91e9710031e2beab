import { packLayer, type PackedLayer, type StorePathInfo } from '@nixery/builder/layer';
import { writeOciLayout } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Strategy } from './layers-simulate.ts';

const execute = promisify(execFile);
const compression = { format: 'gzip', level: 6 } as const;
const indexSchema = z.object({
  manifests: z.tuple([z.object({ digest: z.string(), mediaType: z.string() })]),
});

/**
 * Has skopeo pull `images` one after another into one layout, which keeps its blobs, from a server on this machine that
 * does nothing but send files. Repeated in turns, so that a noisy machine is as noisy for all.
 *
 * @returns seconds for all images, by strategy, of each round
 */
export async function timePulls(
  strategies: readonly Strategy[],
  images: readonly (readonly StorePathInfo[])[],
  { budget, rounds }: { readonly budget: number; readonly rounds: number },
): Promise<ReadonlyMap<string, readonly number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-pulls-'));
  const server = createServer();
  try {
    const layers = new Map<string, PackedLayer>();
    for (const [index, { plan }] of strategies.entries()) {
      for (const [number, graph] of images.entries()) {
        const packed = plan(graph, budget).map(({ paths }) => pack(paths, folder, layers));
        await writeOciLayout(join(folder, `${index}`, `${number}`), packed);
      }
    }
    const address = await serve(server, folder);
    const seconds = new Map<string, number[]>(strategies.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, { name }] of strategies.entries()) {
        const client = join(folder, 'client');
        await mkdir(client);
        const began = performance.now();
        for (const number of images.keys()) {
          await pull(`docker://${address}/${index}/${number}:latest`, `oci:${client}:${number}`);
        }
        seconds.get(name)?.push((performance.now() - began) / 1000);
        await rm(client, { recursive: true });
      }
    }
    return seconds;
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
}

async function pull(from: string, to: string): Promise<void> {
  await execute('skopeo', ['--insecure-policy', 'copy', '--src-tls-verify=false', from, to]);
}

/** Each layer is packed once, whichever plans and images have it. */
function pack(
  paths: readonly StorePathInfo[],
  folder: string,
  layers: Map<string, PackedLayer>,
): PackedLayer {
  const names = paths.map(({ path }) => path).sort();
  const known = layers.get(names.join());
  if (known !== undefined) return known;
  const spoolFile = join(folder, `layer-${layers.size}`);
  const result = packLayer({ paths: names, spoolFile, compression });
  if (!result.ok) throw new Error(result.message);
  layers.set(names.join(), result.layer);
  return result.layer;
}

/** Serves `<folder>/<strategy>/<image>` as the images of those names. */
async function serve(server: Server, folder: string): Promise<string> {
  server.on('request', (request, response) => {
    answer(folder, request.url ?? '', response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return `127.0.0.1:${address.port}`;
}

async function answer(folder: string, url: string, response: ServerResponse): Promise<void> {
  const [, image, kind, reference] =
    /^\/v2\/(\d+\/\d+)\/(manifests|blobs)\/(?:sha256:)?([0-9a-f]{64}|latest)$/.exec(url) ?? [];
  if (image === undefined || reference === undefined) {
    response.writeHead(url === '/v2/' ? 200 : 404).end();
    return;
  }
  const layout = join(folder, image);
  const index = indexSchema.parse(JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')));
  const [manifest] = index.manifests;
  const hash = kind === 'manifests' ? manifest.digest.slice('sha256:'.length) : reference;
  const blob = join(layout, 'blobs', 'sha256', hash);
  response.writeHead(200, {
    'content-length': (await stat(blob)).size,
    'content-type': kind === 'manifests' ? manifest.mediaType : 'application/octet-stream',
    'docker-content-digest': `sha256:${hash}`,
  });
  createReadStream(blob, { highWaterMark: 1024 * 1024 }).pipe(response);
}
