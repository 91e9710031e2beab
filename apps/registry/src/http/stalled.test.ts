import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { cutOffStalled } from './stalled.ts';

const CHUNK = Buffer.alloc(1024 * 1024);
const LONG_MS = 299_999;
const realTimeout = globalThis.setTimeout;

let server: Server;
let client: Socket;
let responses: ServerResponse[];
let received: number;
let drained: number;

beforeEach(async () => {
  // Those of sockets are not among them.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  responses = [];
  received = 0;
  drained = 0;
  server = createServer((_request, response) => {
    responses.push(response);
    response.writeHead(200, { 'Content-Length': 100 * CHUNK.length });
    response.on('drain', () => (drained += 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  client.on('data', (bytes) => (received += bytes.length)).on('error', () => undefined);
  client.pause();
});
afterEach(async () => {
  vi.useRealTimers();
  client.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function ask(times: number): Promise<readonly [ServerResponse, ServerResponse | undefined]> {
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(times));
  await until(() => responses.length === times);
  const [first, second] = responses;
  if (first === undefined) throw new Error('nobody asked');
  return [first, second];
}

/** By the clock on the wall: what vitest has for it would move the other one. @returns whether it came true */
async function until(isTrue: () => boolean, timeoutMs = 30_000): Promise<boolean> {
  const start = performance.now();
  while (!isTrue()) {
    if (performance.now() - start > timeoutMs) return false;
    await new Promise((resolve) => realTimeout(resolve, 10));
  }
  return true;
}

/** Writes until the system takes no more. */
async function fillUp(response: ServerResponse): Promise<void> {
  let before: number;
  do {
    before = drained;
    response.write(CHUNK);
  } while (await until(() => drained > before, 500));
}

it('an answer that nobody takes any more is broken off', async () => {
  const [response] = await ask(1);
  cutOffStalled(response);
  await fillUp(response);
  vi.advanceTimersByTime(LONG_MS);
  expect(response.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(response.destroyed).toBe(true);
});

it('one that is taken slowly is not', async () => {
  const [response] = await ask(1);
  cutOffStalled(response);
  for (let round = 0; round < 3; round++) {
    await fillUp(response);
    vi.advanceTimersByTime(LONG_MS);
    const before = drained;
    client.resume();
    expect(await until(() => drained > before)).toBe(true);
    client.pause();
  }
  vi.advanceTimersByTime(LONG_MS);
  expect(response.destroyed).toBe(false);
  expect(received).toBeGreaterThan(0);
});

it('one behind another on its connection waits for that', async () => {
  const [, second] = await ask(2);
  if (second === undefined) throw new Error('nobody asked again');
  cutOffStalled(second);
  vi.advanceTimersByTime(10 * LONG_MS);
  expect(second.destroyed).toBe(false);
});

it('what has been sent is watched no more', async () => {
  const [response] = await ask(1);
  cutOffStalled(response).end();
  expect(vi.getTimerCount()).toBe(0);
  expect(response.listenerCount('drain')).toBe(1);
});
