import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PullResult } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).min(1),
});

let dir: string;
let packages: string;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-healing-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  registry = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Builds an image, whatever was done to the storage before. */
async function built(name: string) {
  const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`);
  const manifest = manifestSchema.parse(await response.json());
  const digest = String(response.headers.get('docker-content-digest'));
  return { digest, config: manifest.config.digest, layer: manifest.layers.at(-1)?.digest ?? '' };
}

const blobs = (): string => path.join(dir, 'storage', 'layers');

function deleteBlob(digest: string): void {
  unlinkSync(path.join(blobs(), digest.slice('sha256:'.length)));
}

function deleteAll(): void {
  for (const name of readdirSync(blobs())) unlinkSync(path.join(blobs(), name));
}

describe.for(await clientCases())('$name', ({ client, name: clientName, obstacle }) => {
  beforeAll(async () => {
    if (obstacle !== null) return;
    const clientDir = path.join(dir, clientName);
    mkdirSync(clientDir);
    await client.start(clientDir);
  });
  afterAll(() => client.stop());

  async function pull(name: string, reference = 'latest'): Promise<PullResult> {
    return await client.pull({ host: registry.host, name, reference });
  }

  // An image of its own for each: clients keep what they have pulled.
  test.skipIf(obstacle !== null)('pulls at its first try when all blobs are gone', async () => {
    const { digest } = await built('slow0/hello');
    deleteAll();
    expect(await pull('slow0/hello')).toMatchObject({ code: 0, digest });
  });

  test.skipIf(obstacle !== null)(
    'pulls at its first try, by tag and by digest, when all blobs are gone and the server has started anew',
    async () => {
      const byTag = await built('slow0/sharesa');
      const byDigest = await built('slow0/sharesb');
      deleteAll();
      await registry.stop();
      registry = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
      expect(await pull('slow0/sharesa')).toMatchObject({ code: 0, digest: byTag.digest });
      expect(await pull('slow0/sharesb', byDigest.digest)).toMatchObject({
        code: 0,
        digest: byDigest.digest,
      });
    },
  );

  test.skipIf(obstacle !== null)('pulls at its first try when one layer is gone', async () => {
    const { digest, layer } = await built('slow0/sharesa/sharesb');
    deleteBlob(layer);
    expect(await pull('slow0/sharesa/sharesb')).toMatchObject({ code: 0, digest });
  });

  test.skipIf(obstacle !== null)('pulls at its first try when the config is gone', async () => {
    const { config, digest } = await built('slow0/sharesa/hello');
    deleteBlob(config);
    expect(await pull('slow0/sharesa/hello')).toMatchObject({ code: 0, digest });
  });
});
