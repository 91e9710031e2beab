import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CountedNix, createCountedNix, prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { caughtUp, countLogged, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const manifestSchema = z.object({ layers: z.array(z.object({ digest: z.string() })) });
const doneSchema = z.object({
  msg: z.literal('build done'),
  layers: z.object({ known: z.number(), packed: z.number(), shared: z.number() }),
});

let dir: string;
let packages: string;
let nix: CountedNix;
let server: RegistryServer;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-sharing-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  nix = await createCountedNix(path.join(dir, 'bin'));
});
afterEach(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages, PATH: nix.path, ...env });
}

function manifest(name: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Accept: OCI };
  return fetch(`${server.url}/v2/${name}/manifests/latest`, { headers, ...init });
}

/** Layers packed, by all builds whose last line has come: the answers may come first. */
function packed(): number {
  return logLines(server)
    .flatMap((line) => doneSchema.safeParse(line).data ?? [])
    .reduce((sum, { layers }) => sum + layers.packed, 0);
}

test('fifty who ask at once, in several spellings, share one evaluation, one realisation and each layer', async () => {
  await start();
  const names = ['slow5/hello', 'hello/slow5', 'slow5/hello/slow5', 'hello/hello/slow5'];
  const leave = new AbortController();
  const leavers = Array.from({ length: 10 }, (_, i) =>
    manifest(names[i % names.length] ?? '', { signal: leave.signal }).catch(() => 'left'),
  );
  const answers = Array.from({ length: 50 }, async (_, i) => {
    const method = i % 3 === 0 ? 'HEAD' : 'GET';
    const response = await manifest(names[i % names.length] ?? '', { method });
    const body = await response.text();
    const { headers, status } = response;
    return {
      status,
      digest: headers.get('docker-content-digest'),
      length: headers.get('content-length'),
      type: headers.get('content-type'),
      body: method === 'HEAD' ? undefined : body,
    };
  });
  await expect.poll(() => countLogged(server, 'build started')).toBe(1);
  leave.abort();
  expect(new Set(await Promise.all(leavers))).toEqual(new Set(['left']));

  const [first, ...rest] = await Promise.all(answers);
  const whole = rest.find(({ body }) => body !== undefined);
  for (const answer of rest) {
    expect({ ...answer, body: undefined }).toEqual({ ...first, body: undefined });
    expect(answer.body ?? whole?.body).toBe(whole?.body);
  }
  expect(first?.status).toBe(200);
  expect(await nix.evaluations()).toBe(1);
  expect(await nix.realisations()).toBe(1);
  await caughtUp(server);
  expect(countLogged(server, 'build started')).toBe(1);
  const { layers } = manifestSchema.parse(JSON.parse(whole?.body ?? ''));
  await expect.poll(packed).toBe(layers.length);
  // The layers, the config, and a manifest of each form.
  expect(readdirSync(path.join(dir, 'storage', 'layers'))).toHaveLength(layers.length + 3);
});

test('two images that are built at once pack the layers that both miss once', async () => {
  await start();
  const bodies = await Promise.all(
    ['slow0/sharesa', 'slow0/sharesb'].map(async (name) => (await manifest(name)).json()),
  );
  const layers = bodies.flatMap((body) => manifestSchema.parse(body).layers);
  const distinct = new Set(layers.map(({ digest }) => digest));
  expect(distinct.size).toBeLessThan(layers.length);
  await expect.poll(packed).toBe(distinct.size);
});

test('a failing build answers all who wait alike, and is not tried again at once', async () => {
  await start();
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const response = await manifest('failing');
      return `${response.status} ${await response.text()}`;
    }),
  );
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^422 .*MANIFEST_INVALID/);
  expect((await manifest('failing')).status).toBe(422);
  await caughtUp(server);
  expect(countLogged(server, 'build started')).toBe(1);
});

test('a server with too many builds tells further ones to come back, answers what it has, and recovers', async () => {
  await start({ NIXERY_MAX_BUILDS: '1' });
  const known = await manifest('hello');
  expect(known.status).toBe(200);
  const slow = manifest('slow3');
  await expect.poll(() => countLogged(server, 'build started')).toBe(2);

  const refused = await manifest('slow0');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] });
  expect((await manifest('hello')).status).toBe(200);
  expect((await slow).status).toBe(200);
  expect((await manifest('slow0')).status).toBe(200);
});
