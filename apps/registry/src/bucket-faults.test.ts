import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { digestOf } from '@nixery/storage';
import {
  BUCKET_KINDS,
  type BucketPeer,
  type FaultPlan,
  type FaultProxy,
  randomFaults,
  startBucketPeer,
  startFaultProxy,
} from '@nixery/storage/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { readConfig } from './config.ts';
import { type RunningServer, startServer } from './server.ts';

const LONG = process.env['NIXERY_TEST_LONG'] === '1';
const PULLS = LONG ? 200 : 15;
/** A run that failed is run again with its seed. */
const SEED = Number(process.env['NIXERY_TEST_SEED'] ?? '1');
/** All of them heed the salt: new to Nix and to the bucket. */
const NAMES = ['slow0', 'sharesa/slow0', 'slow0/sharesb', 'emptydirs/slow0', 'slow0/hello'];
/** Of a server that is told to be impatient (ms). */
const TUNING = {
  idleMs: 1_000,
  deadlineMs: 4_000,
  uploadDeadlineMs: 6_000,
  firstDelayMs: 5,
  maxDelayMs: 100,
};

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).min(1),
});
/** The only way in which an image may be refused: in words of our own. */
const refusalSchema = z.object({
  status: z.literal(503),
  body: z.object({
    errors: z.tuple([z.object({ message: z.string().regex(/^the storage of this registry /) })]),
  }),
});

let dir: string;
let peer: BucketPeer;
let proxy: FaultProxy;
let plan: FaultPlan;
let server: RunningServer;

function noFaults(): null {
  return null;
}

async function start(): Promise<void> {
  const { config } = readConfig({
    NIXERY_HOST: '127.0.0.1',
    NIXERY_SEARCH: 'off',
    PORT: '0',
    NIXERY_PKGS_PATH: join(dir, 'packages'),
    NIXERY_STORAGE_BACKEND: peer.kind,
    [peer.kind === 'gcs' ? 'GCS_BUCKET' : 'S3_BUCKET']: peer.bucket,
    NIXERY_BLOBS: 'proxy',
    NIXERY_STATE_DIR: join(dir, 'state'),
    // Builds go on while they are waited for.
    NIXERY_HOLD_SECONDS: '60',
  });
  for (const [name, value] of Object.entries(peer.env(proxy.origin))) vi.stubEnv(name, value);
  server = await startServer(config, pino({ level: 'silent' }), { storageTuning: TUNING });
}

beforeEach(async () => {
  plan = noFaults;
  dir = await mkdtemp(join(tmpdir(), 'nixery-bucket-faults-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  for (const [name, value] of Object.entries(nixEnvironment())) vi.stubEnv(name, value);
});
afterEach(async () => {
  plan = noFaults;
  await server.stop();
  await proxy.close();
  await peer.close();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

function get(path: string): Promise<Response> {
  return fetch(`http://${server.host}:${server.port}${path}`);
}

/** Digests that an answer to a pull names; null where there was none, and then in words of our own. */
async function pull(name: string): Promise<readonly string[] | null> {
  const response = await get(`/v2/${name}/manifests/latest`);
  const text = await response.text();
  if (response.status !== 200) {
    refusalSchema.parse({ status: response.status, body: JSON.parse(text) });
    return null;
  }
  const { config, layers } = manifestSchema.parse(JSON.parse(text));
  const manifest = String(response.headers.get('docker-content-digest'));
  return [manifest, config.digest, ...layers.map(({ digest }) => digest)];
}

/** The same of a bucket that works, which an impatient server on a busy machine may have to be asked for again. */
async function pullAtLast(name: string): Promise<readonly string[]> {
  return await vi.waitUntil(() => pull(name), { timeout: 60_000, interval: 500 });
}

/** What lies in the bucket under a digest has it. */
async function expectStored(digests: readonly string[]): Promise<void> {
  for (const digest of digests) {
    const bytes = await peer.read(`layers/${digest.slice('sha256:'.length)}`);
    expect(bytes === null ? 'nothing' : digestOf(bytes)).toBe(digest);
  }
}

describe.each(BUCKET_KINDS)('a server whose bucket fails (%s)', (kind) => {
  beforeEach(async () => {
    peer = await startBucketPeer(kind);
    proxy = await startFaultProxy(peer.origin, () => plan());
    await start();
  });

  it(
    'knows no image that is not stored whole, and all of them once the bucket is well',
    { timeout: LONG ? 3_600_000 : 300_000 },
    async () => {
      const faults = randomFaults(SEED, 0.4);
      let answered = 0;
      for (let count = 0; count < PULLS; count += 1) {
        plan = faults;
        await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
        const name = NAMES[count % NAMES.length] ?? '';
        const digests = await pull(name);
        plan = noFaults;
        if (digests === null) continue;
        answered += 1;
        await expectStored(digests);
      }
      expect(answered).toBeGreaterThan(0);
      expect(proxy.met.size).toBeGreaterThan(3);
      // Nothing of failed builds stays on this side, either.
      expect(await readdir(join(dir, 'state', 'spool'))).toEqual([]);
    },
  );

  it('refuses with 503 while the bucket takes nothing, and builds once it does', async () => {
    plan = () => ({ kind: 'status', status: 503 });
    expect(await pull('slow0')).toBeNull();
    plan = () => ({ kind: 'stall-request' });
    expect(await pull('sharesa/slow0')).toBeNull();
    plan = noFaults;
    await expectStored(await pullAtLast('slow0'));
  });

  it('goes on to answer manifests that it knows while the bucket is away, and its blobs once it is back', async () => {
    const digests = await pullAtLast('slow0');
    plan = () => ({ kind: 'reset-request', at: 0 });
    expect(await pull('slow0')).toEqual(digests);
    const blob = `/v2/slow0/blobs/${digests[1]}`;
    expect((await get(blob)).status).toBe(503);
    expect((await get('/readyz')).status).toBe(200);
    plan = noFaults;
    await expect.poll(async () => (await get(blob)).status).toBe(200);
  });
});
