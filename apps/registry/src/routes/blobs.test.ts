import { createServer, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BuildError } from '@nixery/builder';
import { type CacheClient, createCache } from '@nixery/cache';
import { type BlobStore, createFilesystemStore, digestOf } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { PackageAccess } from '../access/package-access.ts';
import { Policy } from '../access/policy.ts';
import { Exchange } from '../http/exchange.ts';
import { BlobRoute } from './blobs.ts';

/** Who may have everything, so that no builder is asked which image a blob belongs to. */
const ANYBODY = { user: null, client: undefined, rules: new Policy(new Set()).rulesFor(null) };
const CONTENT = Buffer.from('a layer');
const digest = digestOf(CONTENT);

let dir: string;
let store: BlobStore;
let cache: CacheClient;
let server: Server;
/** How a blob is made again. */
let heal: () => Promise<boolean>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-blobs-'));
  store = await createFilesystemStore({ root: dir });
  cache = createCache({ file: ':memory:' });
  const access = new PackageAccess({
    builder: { image: () => Promise.reject(new Error()) },
    cache,
    systems: ['x86_64-linux'],
  });
  const route = new BlobRoute({
    access,
    builder: { heal: () => heal() },
    cache,
    store,
    links: undefined,
    holdTimes: { holdMs: 1_000, lastHoldMs: null },
  });
  server = createServer((request, response) => {
    const exchange = new Exchange(request, response);
    route
      .serve(exchange, { name: 'git', digest }, ANYBODY)
      .catch((error: unknown) => exchange.fail(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await cache.stop();
  await rm(dir, { recursive: true });
});

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return await fetch(`http://127.0.0.1:${port}/${path}`, { redirect: 'manual', ...init });
}

async function put(): Promise<true> {
  await store.put(digest, { bytes: CONTENT }, 'application/octet-stream');
  return true;
}

describe('a blob that is made again', () => {
  it.each(['GET', 'HEAD'])(
    'sends a client that %ss it round while that takes long',
    async (method) => {
      const made = Promise.withResolvers<true>();
      let waiting = 0;
      heal = () => {
        waiting += 1;
        return made.promise;
      };
      const first = await ask('?ns=docker.io', { method });
      expect(first.status).toBe(307);
      expect(first.headers.get('location')).toBe('?ns=docker.io&w=1');
      expect(first.headers.get('cache-control')).toBe('no-store');
      // The last hop waits to the end.
      const asked = ask('?w=9', { method });
      await vi.waitUntil(() => waiting === 2, 60_000);
      made.resolve(await put());
      const last = await asked;
      expect(last.status).toBe(200);
      expect(last.headers.get('content-length')).toBe(String(CONTENT.length));
    },
  );

  it('is 404 where that is not possible', async () => {
    heal = () => Promise.resolve(false);
    const answer = await ask('');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ errors: [{ code: 'BLOB_UNKNOWN' }] });
  });

  it('is 429 where trying again soon may help', async () => {
    heal = () => Promise.reject(new BuildError('overloaded', 'too many images are being built'));
    const answer = await ask('');
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('5');
  });

  it('is not made again because the storage cannot be reached', async () => {
    let asked = 0;
    heal = () => {
      asked += 1;
      return Promise.resolve(false);
    };
    await put();
    await rm(dir, { recursive: true });
    expect((await ask('')).status).toBe(503);
    expect((await ask('', { method: 'HEAD' })).status).toBe(503);
    expect(asked).toBe(0);
    store = await createFilesystemStore({ root: dir });
  });
});
