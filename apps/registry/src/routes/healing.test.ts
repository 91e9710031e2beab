import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string(), size: z.number() })).min(1),
});

let dir: string;
let server: RunningServer;
/** What the server logged. */
let lines: string[];

async function start(env: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  const { config } = readConfig({
    ...testSettings(dir),
    ...env,
  });
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  return await startServer(config, logger);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-healing-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  lines = [];
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  lines = [];
});

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${server.host}:${server.port}${path}`, init);
}

interface Image {
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

async function pull(name: string): Promise<Image> {
  const response = await get(`/v2/${name}/manifests/latest`);
  expect(response.status).toBe(200);
  const { config, layers } = manifestSchema.parse(await response.json());
  const manifest = String(response.headers.get('docker-content-digest'));
  // What an earlier test deleted is whole again after this.
  for (const { digest } of [config, ...layers]) {
    expect((await get(`/v2/${name}/blobs/${digest}`, { method: 'HEAD' })).status).toBe(200);
  }
  return { manifest, config: config.digest, layers };
}

function fileOf(digest: string): string {
  return join(dir, 'storage', 'layers', digest.slice('sha256:'.length));
}

async function deleteAll(): Promise<void> {
  for (const name of await readdir(join(dir, 'storage', 'layers'))) {
    await unlink(join(dir, 'storage', 'layers', name));
  }
}

/** Memory of manifests gone, as after any restart. */
async function restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await server.stop();
  server = await start(env);
}

function built(): number {
  return lines.filter((line) => line.includes('"build started"')).length;
}

describe('after blobs were deleted behind its back, the server', () => {
  it('answers a manifest by tag and by digest, the same as before', async () => {
    const { manifest } = await pull('slow0');
    for (const reference of ['latest', manifest]) {
      await deleteAll();
      await restart();
      const response = await get(`/v2/slow0/manifests/${reference}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('docker-content-digest')).toBe(manifest);
    }
  });

  it.each(['GET', 'HEAD'])('answers %s of a layer and of the config', async (method) => {
    const { config, layers } = await pull('slow0');
    const layer = layers[0];
    await deleteAll();
    const answer = await get(`/v2/slow0/blobs/${layer?.digest}`, { method });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(layer?.size));
    await answer.arrayBuffer();
    await unlink(fileOf(config));
    expect((await get(`/v2/slow0/blobs/${config}`, { method })).status).toBe(200);
  });

  it('answers who asks for a part of a blob, and who has it already', async () => {
    const digest = (await pull('slow0')).layers[0]?.digest ?? '';
    await deleteAll();
    const part = await get(`/v2/slow0/blobs/${digest}`, { headers: { Range: 'bytes=0-9' } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
    await deleteAll();
    const headers = { 'If-None-Match': `"${digest}"` };
    expect((await get(`/v2/slow0/blobs/${digest}`, { headers })).status).toBe(304);
    expect(await readdir(join(dir, 'storage', 'layers'))).not.toEqual([]);
  });

  it('answers a layer of an image that it only knows by its digest', async () => {
    const { layers, manifest } = await pull('slow0');
    const layer = layers[0]?.digest ?? '';
    await restart({ NIXERY_STATE_DIR: join(dir, 'new-state') });
    expect((await get(`/v2/slow0/manifests/${manifest}`)).status).toBe(200);
    await unlink(fileOf(layer));
    expect((await get(`/v2/slow0/blobs/${layer}`)).status).toBe(200);
    await restart();
  });

  it('builds once for fifty who ask at once', async () => {
    const { config, layers } = await pull('slow0/hello');
    const digests = [config, ...layers.map(({ digest }) => digest)];
    await deleteAll();
    lines = [];
    const statuses = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const path = `/v2/slow0/hello/blobs/${digests[i % digests.length]}`;
        const response = await get(path, { method: i % 2 === 0 ? 'GET' : 'HEAD' });
        await response.arrayBuffer();
        return response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(built()).toBe(1);
  });

  it('does not send a layer that is too short, but a whole one', async () => {
    const { layers } = await pull('slow0');
    const { digest = '', size = 0 } = layers.at(-1) ?? {};
    await truncate(fileOf(digest), size - 1);
    const response = await get(`/v2/slow0/blobs/${digest}`);
    expect(response.status).toBe(200);
    expect((await response.arrayBuffer()).byteLength).toBe(size);
  });

  it.each(['shorter', 'another'])(
    'does not send a config that is %s, but the right one',
    async (kind) => {
      const { config } = await pull('slow0');
      const right = await (await get(`/v2/slow0/blobs/${config}`)).text();
      await restart();
      await writeFile(fileOf(config), kind === 'shorter' ? '{' : right.replace('linux', 'xunil'));
      expect(await (await get(`/v2/slow0/blobs/${config}`)).text()).toBe(right);
    },
  );

  it('does not send a manifest whose content is another, but the right one', async () => {
    const { manifest } = await pull('slow0');
    await writeFile(fileOf(manifest), '{}');
    await restart();
    const response = await get(`/v2/slow0/manifests/${manifest}`);
    expect(response.status).toBe(200);
    expect((await pull('slow0')).manifest).toBe(manifest);
  });

  it('answers 404 for what cannot be made again, and a whole image to who asks for the tag', async () => {
    const before = await pull('slow0');
    await deleteAll();
    await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
    await restart();
    expect((await get(`/v2/slow0/manifests/${before.manifest}`)).status).toBe(404);
    const after = await pull('slow0');
    expect(after.manifest).not.toBe(before.manifest);
    for (const { digest } of after.layers) {
      expect((await get(`/v2/slow0/blobs/${digest}`, { method: 'HEAD' })).status).toBe(200);
    }
  });
});

describe('a server that reads its storage through', () => {
  it('finds a layer of the right size whose content is another, and replaces it', async () => {
    const { layers } = await pull('slow0');
    const { digest = '', size = 0 } = layers.at(-1) ?? {};
    await writeFile(fileOf(digest), Buffer.alloc(size));
    await restart({ NIXERY_SCRUB_SECONDS: '1' });
    await expect.poll(() => lines.some((line) => line.includes('"healed":true'))).toBe(true);
    const bytes = Buffer.from(await (await get(`/v2/slow0/blobs/${digest}`)).arrayBuffer());
    expect(bytes.equals(Buffer.alloc(size))).toBe(false);
  });
});
