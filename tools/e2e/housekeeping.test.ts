import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPackageRepository, type PackageRepository } from '@nixery/builder/testing';
import { startGcsServer, type GcsServer } from '@nixery/storage/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { caughtUp, countLogged } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const entry = fileURLToPath(new URL('../../apps/registry/dist/storage.js', import.meta.url));
const DAY_MS = 24 * 60 * 60 * 1000;
const BUCKET = 'images';

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});
const collectionSchema = z.looseObject({
  end: z.string(),
  images: z.object({ kept: z.number(), dropped: z.number() }),
  removed: z.object({ count: z.number() }),
  spared: z.number(),
});

let dir: string;
let repository: PackageRepository;
let commit: string;
let servers: RegistryServer[];
let bucket: GcsServer | undefined;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-housekeeping-'));
  repository = await createPackageRepository(path.join(dir, 'upstream'));
  commit = await repository.commit(randomUUID());
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await bucket?.close();
  bucket = undefined;
  rmSync(dir, { recursive: true, force: true });
});

/** A storage, and ways to make it look as if time had passed. */
interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** The digests of its blobs, in order. */
  blobs(): readonly string[];
  /** All blobs were put so long ago. */
  ageBlobs(days: number): void;
  /** All that was pulled was pulled so long ago, and pulls are known since. */
  agePulls(days: number): void;
}

/** What was noted of pulls, with other times. */
function pulledAgo(text: string, days: number): string {
  return text.replaceAll(/\b1\d{12}\b/g, String(Date.now() - days * DAY_MS));
}

function blobsIn(root: string): readonly string[] {
  const folder = path.join(root, 'layers');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `sha256:${name}`)
    .toSorted();
}

async function folder(): Promise<Place> {
  const root = path.join(dir, 'storage');
  return {
    env: { STORAGE_PATH: root },
    blobs: () => blobsIn(root),
    ageBlobs(days) {
      const time = new Date(Date.now() - days * DAY_MS);
      for (const name of readdirSync(path.join(root, 'layers'))) {
        utimesSync(path.join(root, 'layers', name), time, time);
      }
    },
    agePulls(days) {
      for (const name of readdirSync(path.join(root, 'pulls'))) {
        const file = path.join(root, 'pulls', name);
        writeFileSync(file, pulledAgo(readFileSync(file, 'utf8'), days));
      }
    },
  };
}

async function gcs(): Promise<Place> {
  const server = await startGcsServer({ bucket: BUCKET, isPublic: true });
  bucket = server;
  return {
    env: {
      NIXERY_STORAGE_BACKEND: 'gcs',
      GCS_BUCKET: BUCKET,
      STORAGE_EMULATOR_HOST: server.endpoint,
      NIXERY_BLOBS: 'proxy',
    },
    blobs: () =>
      server.objects
        .all()
        .filter(({ name }) => name.startsWith('layers/'))
        .map(({ name }) => name.replace('layers/', 'sha256:'))
        .toSorted(),
    ageBlobs(days) {
      const updated = new Date(Date.now() - days * DAY_MS);
      for (const object of server.objects.all()) {
        if (object.name.startsWith('layers/')) server.objects.put({ ...object, updated });
      }
    },
    agePulls(days) {
      for (const { bytes, contentType, name } of server.objects.all()) {
        if (!name.startsWith('pulls/')) continue;
        const older = Buffer.from(pulledAgo(bytes.toString(), days));
        server.objects.put({ name, contentType, bytes: older });
      }
    },
  };
}

/** @param state of its own unless one is given: then it knows what the last one with it knew */
async function start({ env }: Place, state: string = randomUUID()): Promise<RegistryServer> {
  const server = await startRegistry(path.join(dir, state), {
    NIXERY_PKGS_REPO: repository.url,
    STORAGE_PATH: undefined,
    ...env,
  });
  servers.push(server);
  return server;
}

/** Runs the command as an operator does; its report goes to the standard output. */
function storage(
  { env }: Place,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, [entry, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function collect(place: Place, ...args: readonly string[]) {
  const { code, stderr, stdout } = await storage(place, 'gc', '--json', ...args);
  expect(code, stderr).toBe(0);
  return collectionSchema.parse(JSON.parse(stdout));
}

async function get(server: RegistryServer, url: string): Promise<Response> {
  const response = await fetch(`${server.url}/v2/${url}`);
  expect(response.status, `${url}: ${await response.clone().text()}\n${server.logs()}`).toBe(200);
  return response;
}

/** Pulls an image as clients do: the manifest, then every blob. @returns the manifest's digest */
async function pull(server: RegistryServer, name: string, reference = commit): Promise<string> {
  const response = await get(server, `${name}/manifests/${reference}`);
  const digest = String(response.headers.get('docker-content-digest'));
  const { config, layers } = manifestSchema.parse(await response.json());
  for (const blob of [config, ...layers]) {
    await (await get(server, `${name}/blobs/${blob.digest}`)).arrayBuffer();
  }
  return digest;
}

describe.each([
  { name: 'a folder', open: folder },
  { name: 'a bucket', open: gcs },
])('while a server serves from $name', ({ open }) => {
  test('what nobody has pulled for long is collected, and pulled again with the same digest, by tag and by digest', async () => {
    const place = await open();
    const server = await start(place, 'knowing');
    const digest = await pull(server, 'slow0/sharesa');
    const other = await pull(server, 'slow0/hello');
    // Stopping writes down what was pulled, just now.
    await server.stop();
    place.ageBlobs(90);
    const all = place.blobs();
    const knowing = await start(place, 'knowing');
    expect(await collect(place, '--max-age', '30d', '--delete')).toMatchObject({
      images: { kept: 2, dropped: 0 },
      removed: { count: 0 },
    });
    expect(place.blobs()).toEqual(all);

    const forgetful = await start(place);
    place.agePulls(60);
    expect(await collect(place, '--max-age', '30d')).toMatchObject({
      images: { kept: 0, dropped: 2 },
      removed: { count: all.length },
    });
    expect(place.blobs()).toEqual(all);
    // By tag, and without a build: what is not pulled again is noted when the server stops.
    expect(await pull(knowing, 'slow0/sharesa')).toBe(digest);
    await caughtUp(knowing);
    expect(countLogged(knowing, 'build started')).toBe(0);
    expect(await collect(place, '--max-age', '30d', '--delete')).toMatchObject({
      images: { kept: 0, dropped: 2 },
      removed: { count: all.length },
      spared: 0,
    });
    expect(place.blobs()).toEqual([]);

    // One server has all of it in its caches, the other has never seen it.
    expect(await pull(knowing, 'slow0/sharesa')).toBe(digest);
    await caughtUp(knowing);
    expect(countLogged(knowing, 'build started')).toBeGreaterThan(0);
    expect(await pull(forgetful, 'hello/slow0', other)).toBe(other);
    expect(place.blobs()).toEqual(all);
    expect(await storage(place, 'check')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Everything is as it should be.'),
    });
  });
});

test('a storage that is damaged is told of and repaired, and served on', async () => {
  const place = await folder();
  const server = await start(place);
  const digest = await pull(server, 'slow0');
  const manifest = manifestSchema.parse(
    await (await get(server, `slow0/manifests/${digest}`)).json(),
  );
  const layer = manifest.layers[0]?.digest ?? '';
  const file = path.join(dir, 'storage', 'layers', layer.slice('sha256:'.length));
  const bytes = readFileSync(file);
  const damaged = Buffer.from(bytes);
  damaged[20] = (bytes[20] ?? 0) ^ 1;
  expect(await storage(place, 'check')).toMatchObject({ code: 0 });
  writeFileSync(file, damaged);
  const found = await storage(place, 'check');
  expect(found).toMatchObject({ code: 1, stdout: expect.stringContaining(`damaged: ${layer}`) });
  expect(readFileSync(file).equals(damaged)).toBe(true);
  const repaired = await storage(place, 'check', '--repair');
  expect(repaired).toMatchObject({ code: 1, stdout: expect.stringContaining('were removed') });
  expect(place.blobs()).not.toContain(layer);
  expect(await pull(server, 'slow0')).toBe(digest);
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect((await storage(place, 'check')).code).toBe(0);
});

test('what a killed writer has left half stored is listed, and removed once it is old', async () => {
  const place = await folder();
  const tmp = path.join(dir, 'storage', 'tmp');
  mkdirSync(tmp, { recursive: true });
  writeFileSync(path.join(tmp, 'half'), 'half');
  const check = await storage(place, 'check');
  expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining('unfinished: tmp/half') });
  const young = await storage(place, 'gc', '--delete');
  expect(young.stdout).not.toContain('unfinished');
  expect(readdirSync(tmp)).toEqual(['half']);
  const old = new Date(Date.now() - 2 * DAY_MS);
  utimesSync(path.join(tmp, 'half'), old, old);
  expect((await storage(place, 'gc', '--delete')).code).toBe(0);
  expect(readdirSync(tmp)).toEqual([]);
});

test("another server's storage is brought in, and its images served by digest", async () => {
  const there = await folder();
  const first = await start(there);
  const digest = await pull(first, 'slow0');
  await first.stop();
  const root = path.join(dir, 'here');
  const here: Place = { ...there, env: { STORAGE_PATH: root }, blobs: () => blobsIn(root) };
  const from = path.join(dir, 'storage');
  expect(await storage(here, 'import', '--from', from)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Nothing was copied'),
  });
  expect(here.blobs()).toEqual([]);
  expect(await storage(here, 'import', '--from', from, '--copy')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Copied \d+ blobs/),
  });
  expect(here.blobs()).toEqual(there.blobs());
  expect(here.blobs()).toContain(digest);
  const second = await start(here);
  expect(await pull(second, 'slow0', digest)).toBe(digest);
  // Nothing was made anew for it.
  await caughtUp(second);
  expect(countLogged(second, 'build started')).toBe(0);
});

describe('the command', () => {
  test('refuses a grace of less than a day, and settings that lead nowhere', async () => {
    const place = await folder();
    const short = await storage(place, 'gc', '--grace', '1h');
    expect(short).toMatchObject({ code: 64, stderr: expect.stringContaining('at least 24h') });
    const nowhere = await storage({ ...place, env: {} }, 'check');
    expect(nowhere).toMatchObject({ code: 78, stderr: expect.stringContaining('STORAGE_PATH') });
    const itself = await storage(place, 'import', '--from', place.env['STORAGE_PATH'] ?? '');
    expect(itself).toMatchObject({ code: 78, stderr: expect.stringContaining('itself') });
  });
});
