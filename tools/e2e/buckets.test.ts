import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createCountedNix,
  createPackageRepository,
  type PackageRepository,
} from '@nixery/builder/testing';
import { digestOf } from '@nixery/storage';
import { BUCKET_KINDS, type BucketPeer, startBucketPeer } from '@nixery/storage/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bucketSettings } from './buckets.ts';
import { Podman } from './clients/podman.ts';
import { Skopeo } from './clients/skopeo.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).min(1),
});

const clients = await Promise.all(
  [new Skopeo(), new Podman()].map(async (client) => ({
    client,
    obstacle: await client.available(),
  })),
);

let dir: string;
let repository: PackageRepository;
let commit: string;
let peer: BucketPeer;
let servers: RegistryServer[];

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-buckets-'));
  repository = await createPackageRepository(path.join(dir, 'upstream'));
  commit = await repository.commit(randomUUID());
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await peer.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A server with a state of its own, on the bucket of all. */
async function start(
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<RegistryServer> {
  const server = await startRegistry(path.join(dir, randomUUID()), {
    NIXERY_PKGS_REPO: repository.url,
    ...bucketSettings(peer),
    ...env,
  });
  servers.push(server);
  return server;
}

async function pull(server: RegistryServer, name: string) {
  const response = await fetch(`${server.url}/v2/${name}/manifests/${commit}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const { config, layers } = manifestSchema.parse(JSON.parse(text));
  return {
    digest: String(response.headers.get('docker-content-digest')),
    blobs: [config, ...layers].map((blob) => blob.digest),
  };
}

function keyOf(digest: string): string {
  return `layers/${digest.slice('sha256:'.length)}`;
}

describe.each(BUCKET_KINDS)('servers that store in a bucket (%s)', (kind) => {
  beforeEach(async () => {
    peer = await startBucketPeer(kind);
  });

  test('share what they built: the second needs no Nix, and a warm pull hardly the bucket', async () => {
    const first = await start();
    const image = await pull(first, 'slow0/hello');
    for (const digest of [image.digest, ...image.blobs]) {
      const bytes = await peer.read(keyOf(digest));
      expect(bytes === null ? null : digestOf(bytes)).toBe(digest);
    }

    const nix = await createCountedNix(path.join(dir, 'bin'));
    const second = await start({ PATH: nix.path });
    expect(await pull(second, 'slow0/hello')).toEqual(image);
    expect([await nix.evaluations(), await nix.realisations()]).toEqual([0, 0]);

    peer.takeRequests();
    await pull(second, 'slow0/hello');
    await fetch(`${second.url}/v2/slow0/hello/manifests/${image.digest}`);
    expect(peer.takeRequests()).toEqual([]);
    const blob = `${second.url}/v2/slow0/hello/blobs/${image.blobs[1]}`;
    for (const calls of [1, 0]) {
      expect((await fetch(blob, { redirect: 'manual' })).status).toBe(307);
      expect(peer.takeRequests()).toHaveLength(calls);
    }
  });

  describe.for(clients)('are pulled from with $client.name', ({ client, obstacle }) => {
    test.skipIf(obstacle !== null)('which gets blobs from the bucket', async () => {
      const server = await start();
      const image = await pull(server, 'slow0/hello');
      peer.takeRequests();
      const clientDir = path.join(dir, client.name);
      mkdirSync(clientDir);
      await client.start(clientDir);
      try {
        const reference = { host: server.host, name: 'slow0/hello', reference: commit };
        const pulled = await client.pull(reference);
        expect(pulled, pulled.output).toMatchObject({ code: 0, digest: image.digest });
      } finally {
        await client.stop();
      }
      const requests = peer.takeRequests();
      const address = `GET /${peer.bucket}/`;
      for (const digest of image.blobs) expect(requests).toContain(`${address}${keyOf(digest)}`);
    });
  });

  test('serve the layers of a Nixery bucket, and leave it as it is', async () => {
    const bytes = randomBytes(100_000);
    const theirs = {
      [keyOf(digestOf(bytes))]: bytes,
      'manifests/0123456789abcdef0123456789abcdef01234567': Buffer.from('{"theirs": 1}'),
      'builds/0123456789abcdef0123456789abcdef01234567': Buffer.from('{"theirs": 2}'),
    };
    for (const [key, content] of Object.entries(theirs)) await peer.write(key, content);
    const server = await start();
    await pull(server, 'slow0');
    const blob = await fetch(`${server.url}/v2/slow0/blobs/${digestOf(bytes)}`);
    expect(blob.status).toBe(200);
    expect(Buffer.from(await blob.arrayBuffer()).equals(bytes)).toBe(true);
    for (const [key, content] of Object.entries(theirs)) {
      expect((await peer.read(key))?.equals(content), key).toBe(true);
    }
  });

  test('make a blob again that the bucket has lost', async () => {
    const server = await start();
    const image = await pull(server, 'slow0');
    const digest = String(image.blobs[1]);
    await peer.remove(keyOf(digest));
    const blob = await fetch(`${server.url}/v2/slow0/blobs/${digest}`);
    expect(digestOf(Buffer.from(await blob.arrayBuffer()))).toBe(digest);
  });

  test('pass blobs on themselves where clients cannot reach the bucket', async () => {
    const server = await start({ NIXERY_BLOBS: 'proxy' });
    const image = await pull(server, 'slow0');
    const blob = await fetch(`${server.url}/v2/slow0/blobs/${image.blobs[1]}`);
    expect(blob.redirected).toBe(false);
    expect(digestOf(Buffer.from(await blob.arrayBuffer()))).toBe(image.blobs[1]);
  });
});
