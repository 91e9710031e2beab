import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createCountedNix,
  createPackageRepository,
  type PackageRepository,
} from '@nixery/builder/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const manifestSchema = z.object({ layers: z.array(z.object({ digest: z.string() })) });
const doneSchema = z.object({
  msg: z.literal('build done'),
  layers: z.object({ known: z.number(), packed: z.number(), shared: z.number() }),
});

let dir: string;
let repository: PackageRepository;
let commit: string;
let servers: RegistryServer[];

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-replicas-'));
  repository = await createPackageRepository(path.join(dir, 'upstream'));
  commit = await repository.commit(randomUUID());
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(dir, { recursive: true, force: true });
});

/** A server with a state of its own, on the storage of all. */
async function start(env: Readonly<Record<string, string>> = {}): Promise<RegistryServer> {
  const server = await startRegistry(path.join(dir, randomUUID()), {
    NIXERY_PKGS_REPO: repository.url,
    STORAGE_PATH: path.join(dir, 'storage'),
    ...env,
  });
  servers.push(server);
  return server;
}

async function pull(server: RegistryServer, name: string) {
  const response = await fetch(`${server.url}/v2/${name}/manifests/${commit}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const { layers } = manifestSchema.parse(JSON.parse(text));
  return {
    digest: response.headers.get('docker-content-digest'),
    layers: layers.map(({ digest }) => digest),
  };
}

test('two servers started at the same moment on the same images give the same digests, and a third needs no Nix for them', async () => {
  const names = ['slow0/sharesa', 'slow0/sharesb', 'hello/slow0'];
  const pair = await Promise.all([start(), start()]);
  const [one, other] = await Promise.all(
    pair.map((server) => Promise.all(names.map((name) => pull(server, name)))),
  );
  expect(one).toEqual(other);

  const nix = await createCountedNix(path.join(dir, 'bin'));
  const third = await start({ PATH: nix.path });
  for (const [i, name] of names.entries()) expect(await pull(third, name)).toEqual(one?.[i]);
  expect([await nix.evaluations(), await nix.realisations()]).toEqual([0, 0]);

  const known = new Set(one?.flatMap(({ layers }) => layers));
  const related = await pull(third, 'slow0/sharesa/sharesb');
  const fresh = related.layers.filter((digest) => !known.has(digest));
  // The build's last line may come after the answer.
  const done = (): unknown =>
    logLines(third)
      .flatMap((line) => doneSchema.safeParse(line).data ?? [])
      .at(-1)?.layers;
  await expect.poll(done).toEqual({
    known: related.layers.length - fresh.length,
    packed: fresh.length,
    shared: 0,
  });
});
