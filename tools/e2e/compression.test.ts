import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ImageReference } from './clients/client.ts';
import { Containerd } from './clients/containerd.ts';
import { Podman } from './clients/podman.ts';
import { Skopeo } from './clients/skopeo.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const NAME = 'shell/hello';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const manifestSchema = z.object({ layers: z.array(z.object({ mediaType: z.string() })).min(2) });

let dir: string;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-compression-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: packages,
    NIXERY_COMPRESSION: 'zstd:3',
  });
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function image(reference = 'latest'): ImageReference {
  return { host: registry.host, name: NAME, reference };
}

/** Digest of the manifest that `accept` is answered with, and the media types of its layers. */
async function manifest(accept: string) {
  const headers = { Accept: accept };
  const response = await fetch(`${registry.url}/v2/${NAME}/manifests/latest`, { headers });
  const { layers } = manifestSchema.parse(await response.json());
  return {
    digest: response.headers.get('docker-content-digest') ?? '',
    layers: [...new Set(layers.map(({ mediaType }) => mediaType))],
  };
}

const cases = await Promise.all(
  [new Podman(), new Containerd()].map(async (client) => ({
    client,
    name: client.name,
    obstacle: await client.available(),
  })),
);

describe.for(cases)('$name', ({ client, name, obstacle }) => {
  beforeAll(async () => {
    if (obstacle !== null) return;
    mkdirSync(path.join(dir, name));
    await client.start(path.join(dir, name));
  });
  afterAll(() => client.stop());

  test.skipIf(obstacle !== null)('pulls zstd layers, and runs what is in them', async () => {
    const { digest, layers } = await manifest('*/*');
    expect(layers).toEqual(['application/vnd.oci.image.layer.v1.tar+zstd']);
    expect(await client.pull(image())).toMatchObject({ code: 0, digest });
    const result = await client.run(image(), ['/bin/bash', '-c', 'hello']);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/hello/i) });
  });
});

describe('skopeo', async () => {
  const skopeo = new Skopeo();
  const obstacle = await skopeo.available();
  beforeAll(async () => {
    if (obstacle !== null) return;
    mkdirSync(path.join(dir, 'skopeo'));
    await skopeo.start(path.join(dir, 'skopeo'));
  });
  afterAll(() => skopeo.stop());

  test.skipIf(obstacle !== null)(
    'pulls Docker’s form, whose layers are gzipped, and umoci unpacks them',
    async () => {
      const { digest, layers } = await manifest(DOCKER);
      expect(layers).toEqual(['application/vnd.docker.image.rootfs.diff.tar.gzip']);
      // skopeo takes any form of a tag; by digest it has to take this one.
      expect(await skopeo.pull(image(digest))).toMatchObject({ code: 0 });
      const result = await skopeo.run(image(digest), ['/bin/bash', '-c', 'hello']);
      expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/hello/i) });
    },
  );
});
