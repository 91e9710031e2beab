import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { caughtUp, countLogged, logLines } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

const manifestSchema = z.object({ layers: z.array(z.object({ digest: z.string() })).min(1) });

const CRASHED = 'the cache crashed and will be restarted';
const preload = new URL('kill-cache-thread.mjs', import.meta.url).href;

const check = z.object({ status: z.string(), reason: z.string().optional() });
const readiness = z.object({
  ready: z.boolean(),
  checks: z.object({ storage: check, cache: check, nix: check }),
});

let dir: string;
/** Of the server under test. */
let home: string;
let server: RegistryServer;
let digest: string;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-actor-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  const env = { NIXERY_PKGS_PATH: packages, NODE_OPTIONS: `--import=${preload}` };
  home = path.join(dir, randomUUID());
  server = await startRegistry(home, env);
  digest = await pull();
  return async () => {
    await server.stop();
  };
});

async function pull(): Promise<string> {
  const response = await fetch(`${server.url}/v2/slow0/hello/manifests/latest`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return String(response.headers.get('docker-content-digest'));
}

async function readyz(): Promise<{ status: number; report: z.infer<typeof readiness> }> {
  const response = await fetch(`${server.url}/readyz`);
  return { status: response.status, report: readiness.parse(await response.json()) };
}

test('pulls go on while the thread of the cache crashes, which is told once, and its maps are back', async () => {
  const stopped = new AbortController();
  const digests = new Set<string>();
  async function pullOn(): Promise<void> {
    while (!stopped.signal.aborted) digests.add(await pull());
  }
  const pulling = Promise.all(Array.from({ length: 8 }, pullOn));
  await delay(200);
  server.signal('SIGWINCH');
  await expect.poll(() => countLogged(server, CRASHED)).toBe(1);
  await expect.poll(async () => (await readyz()).report.checks.cache.status).toBe('ok');
  await delay(200);
  stopped.abort();
  await pulling;
  expect([...digests]).toEqual([digest]);
  await caughtUp(server);
  expect(logLines(server).filter(({ level }) => level === 'error')).toHaveLength(1);

  const built = countLogged(server, 'build started');
  await pull();
  await caughtUp(server);
  expect(countLogged(server, 'build started')).toBe(built);
  expect((await readyz()).status).toBe(200);
});

test('a crash loop turns readiness red, with the reason, and pulls go on all the same', async () => {
  const crashing = setInterval(() => server.signal('SIGWINCH'), 20);
  try {
    await expect
      .poll(async () => (await readyz()).status, { timeout: 60_000, interval: 50 })
      .toBe(503);
    const { report } = await readyz();
    expect(report.ready).toBe(false);
    expect(report.checks).toMatchObject({
      cache: { status: 'failed', reason: /the cache crashed \d times/ },
      storage: { status: 'ok' },
      nix: { status: 'ok' },
    });
    expect(await pull()).toBe(digest);
  } finally {
    clearInterval(crashing);
  }
  // One line a crash: each tells how many there were before it.
  const restarts = logLines(server)
    .filter(({ msg }) => msg === CRASHED)
    .map((line) => line['restarts']);
  expect(restarts.length).toBeGreaterThanOrEqual(3);
  expect(restarts).toEqual(restarts.map((_, i) => i + 1));
  // It backs off: the pauses grow.
  const pauses = logLines(server)
    .filter(({ msg }) => msg === CRASHED)
    .map((line) => Number(line['restartInMs']));
  expect(pauses.at(-1)).toBeGreaterThan(pauses[0] ?? Infinity);
});

test('a layer that the storage has lost while the cache is down is made again, not called unknown', async () => {
  const manifest = await fetch(`${server.url}/v2/slow0/hello/manifests/latest`);
  const { layers } = manifestSchema.parse(await manifest.json());
  const layer = layers.at(-1)?.digest ?? '';
  // The fifth time, it stays down for more than a second.
  const crashing = setInterval(() => server.signal('SIGWINCH'), 20);
  try {
    await expect
      .poll(() => countLogged(server, CRASHED), { interval: 5 })
      .toBeGreaterThanOrEqual(5);
  } finally {
    clearInterval(crashing);
  }
  unlinkSync(path.join(home, 'storage', 'layers', layer.slice('sha256:'.length)));
  const blob = await fetch(`${server.url}/v2/slow0/hello/blobs/${layer}`);
  expect(blob.status, await blob.text()).toBe(200);
});
