import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Exchange } from './exchange.ts';
import { type Held, hold, MAX_HOPS } from './hold.ts';

const HOLD_MS = 5;

let server: Server;
/** How long the last hop waits (ms). */
let lastHoldMs: number | null;
/** What requests wait for. */
let work: () => Promise<string>;
/** What came of it. */
let outcome: Promise<Held<string>>;

beforeEach(async () => {
  lastHoldMs = null;
  server = createServer((request, response) => {
    const exchange = new Exchange(request, response);
    outcome = hold(exchange, work(), { holdMs: HOLD_MS, lastHoldMs });
    answer(exchange, outcome).catch((error: unknown) => exchange.fail(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(query: string, init: RequestInit = {}): Promise<Response> {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return await fetch(`http://127.0.0.1:${port}/v2/${query}`, { redirect: 'manual', ...init });
}

async function answer(exchange: Exchange, waiting: Promise<Held<string>>): Promise<void> {
  const held = await waiting;
  if (!held.over) exchange.send(200, [], held.value);
}

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

describe('a request that waits', () => {
  it('is answered with what comes in time', async () => {
    work = () => Promise.resolve('made');
    expect(await (await ask('')).text()).toBe('made');
  });

  it('is told of a failure in time', async () => {
    work = () => Promise.reject(new Error('no'));
    expect((await ask('')).status).toBe(500);
  });

  it('is led on by a query alone, keeping other parameters, to the ninth hop, which waits as long as it takes', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    work = () => promise;
    let query = '?ns=docker.io';
    for (let hop = 1; hop <= MAX_HOPS; hop += 1) {
      const answer = await ask(query);
      expect(answer.status).toBe(307);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      query = answer.headers.get('location') ?? '';
      expect(query).toBe(`?ns=docker.io&w=${hop}`);
    }
    const last = ask(query);
    await delay(5 * HOLD_MS);
    resolve('made');
    expect(await (await last).text()).toBe('made');
  });

  it.each(['w=9', 'w=10', `w=${'9'.repeat(400)}`])(
    'is told to come back where the ninth hop has a limit, and from beyond it: %.9s',
    async (query) => {
      lastHoldMs = HOLD_MS;
      work = () => new Promise(() => {});
      const last = await ask(`?${query}`);
      expect(last.status).toBe(429);
      expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await last.text()).toContain('still being built');
    },
  );

  it.each(['w=0', 'w=-1', 'w=x', 'w=', 'w=1e1', 'w=09'])(
    'begins anew at a hop that is none: %s',
    async (query) => {
      work = () => new Promise(() => {});
      expect((await ask(`?${query}`)).headers.get('location')).toBe('?w=1');
    },
  );

  it('minds no failure after it was sent on', async () => {
    const { promise, reject } = Promise.withResolvers<string>();
    work = () => promise;
    expect((await ask('')).status).toBe(307);
    reject(new Error('late'));
    expect(await outcome).toEqual({ over: true });
  });

  it('has nothing left to answer where its client has gone', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    work = () => promise;
    const gone = new AbortController();
    const asked = ask('?w=9', { signal: gone.signal });
    await new Promise((heard) => server.once('request', heard));
    gone.abort();
    await expect(asked).rejects.toThrow('aborted');
    await vi.waitUntil(async () => (await connections()) === 0, 60_000);
    resolve('made');
    expect(await outcome).toEqual({ over: true });
  });
});
