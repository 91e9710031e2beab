import { randomFillSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';

import type { OpenFile } from '@nixery/storage';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { FileSender, type FileSource } from './file-sender.ts';

const SMALL = 64 * 1024;
const LARGE = 2 * 1024 * 1024;
const CONTENT = randomFillSync(Buffer.alloc(10 * LARGE + 17));

let sender: FileSender;
let server: Server;
let port: number;
/** What a path stands for. */
let sources: Map<string, FileSource>;
/** How each sending ended. */
let ends: Promise<unknown>[];

beforeEach(async () => {
  sender = new FileSender();
  sources = new Map();
  ends = [];
  server = createServer((request, response) => {
    ends.push(answer(request, response).catch((error: unknown) => error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const source = sources.get(request.url ?? '');
  if (source === undefined) throw new Error(`no source for ${request.url}`);
  response.writeHead(200, { 'Content-Length': source.span.length });
  try {
    await sender.send(response, source);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

/** A span of the content, in a file that is no other's unless told, and which notes how much is asked of it at a time, and where if that is much. */
function offer(
  path: string,
  offset: number,
  length: number,
  identity: string = randomUUID(),
): { readonly reads: number[]; readonly large: number[] } {
  const reads: number[] = [];
  const large: number[] = [];
  offerFile(path, offset, length, {
    identity,
    async read(buffer, position) {
      reads.push(buffer.length);
      if (buffer.length === LARGE) large.push(position);
      await setImmediate();
      return CONTENT.copy(buffer, 0, position, position + buffer.length);
    },
  });
  return { reads, large };
}

function offerFile(path: string, offset: number, length: number, file: OpenFile): void {
  sources.set(path, { file, size: CONTENT.length, span: { offset, length } });
}

async function get(path: string): Promise<Buffer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return Buffer.from(await response.arrayBuffer());
}

/** A connection that has asked, and reads nothing. */
async function stall(path: string): Promise<{ destroy(): void }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

/** Until nothing is read any more: all that the system takes for clients that do not read is sent. */
async function settled(countReads: () => number): Promise<void> {
  for (let before = -1; before < countReads();) {
    before = countReads();
    await delay(500);
  }
}

it.each([
  [0, 0],
  [0, 1],
  [5, SMALL],
  [0, SMALL + 1],
  [1, LARGE],
  [7, LARGE + 1],
  [LARGE - 1, 3 * LARGE + SMALL + 1],
])('sends what is asked for of a file: from %d on %d bytes', async (offset, length) => {
  offer('/part', offset, length);
  const sent = await get('/part');
  expect(sent.equals(CONTENT.subarray(offset, offset + length))).toBe(true);
});

it.each([
  ['of files of their own', undefined],
  ['of one file', 'the one'],
])('sends each of many clients at once their own bytes: %s', async (_, identity) => {
  const starts = Array.from({ length: 40 }, (_, n) => n * 1_003);
  for (const start of starts) offer(`/${start}`, start, 4 * LARGE + 3, identity);
  const sent = await Promise.all(starts.map((start) => get(`/${start}`)));
  const right = starts.map((start) => CONTENT.subarray(start, start + 4 * LARGE + 3));
  expect(sent.map((bytes, n) => bytes.equals(right[n] ?? Buffer.alloc(0)))).toEqual(
    starts.map(() => true),
  );
});

it('reads once what several clients are sent, and anew what has changed', async () => {
  const { large } = offer('/all', 0, 10 * LARGE, 'the one');
  const sent = await Promise.all(Array.from({ length: 5 }, () => get('/all')));
  expect(sent.map((bytes) => bytes.equals(CONTENT.subarray(0, 10 * LARGE)))).toEqual(
    sent.map(() => true),
  );
  // Clients that are kept waiting by a busy machine are sent little, which is theirs alone.
  expect(large).toContain(0);
  expect(large).toEqual([...new Set(large)]);

  const { large: changed } = offer('/all', 0, 10 * LARGE, 'the other');
  await get('/all');
  expect(changed).toContain(0);
});

it('sends a large file to one client through a few buffers, which others of its parts are read into', async () => {
  const buffers = new Set<ArrayBufferLike>();
  const size = 40 * LARGE;
  sources.set('/large', {
    file: {
      identity: 'large',
      async read(buffer, position) {
        if (buffer.length === LARGE) buffers.add(buffer.buffer);
        await setImmediate();
        return CONTENT.copy(buffer, 0, position % LARGE, (position % LARGE) + buffer.length);
      },
    },
    size,
    span: { offset: 0, length: size },
  });
  const sent = await get('/large');
  const part = CONTENT.subarray(0, LARGE);
  const parts = Array.from({ length: 40 }, (_, n) => sent.subarray(n * LARGE, (n + 1) * LARGE));
  expect(parts.every((bytes) => bytes.equals(part))).toBe(true);
  // Two on their way, one that is read.
  expect(buffers.size).toBeLessThanOrEqual(3);
});

it('fails with all who wait for what cannot be read, and tries again with the next', async () => {
  const failure = new Error('the disk is gone');
  const asked = Promise.withResolvers<void>();
  let isGone = true;
  offerFile('/broken', 0, LARGE, {
    identity: 'broken',
    async read(buffer, position) {
      await asked.promise;
      if (isGone) throw failure;
      return CONTENT.copy(buffer, 0, position, position + buffer.length);
    },
  });
  const both = [get('/broken'), get('/broken')];
  await vi.waitUntil(() => ends.length === 2, 60_000);
  asked.resolve();
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ]);
  expect(await Promise.all(ends)).toEqual([failure, failure]);
  isGone = false;
  expect((await get('/broken')).equals(CONTENT.subarray(0, LARGE))).toBe(true);
});

it('goes on where a read brought less than was asked for', async () => {
  const length = 3 * LARGE + 5;
  offerFile('/little', 3, length, {
    identity: 'little at a time',
    async read(buffer, position) {
      await setImmediate();
      const most = Math.min(buffer.length, 300_007);
      return CONTENT.copy(buffer, 0, position, position + most);
    },
  });
  expect((await get('/little')).equals(CONTENT.subarray(3, 3 + length))).toBe(true);
  expect(await Promise.all(ends)).toEqual([undefined]);
});

it('reads two megabytes at a time, and for those beyond its large buffers little, until others go away', async () => {
  const stalled: { destroy(): void }[] = [];
  const reads: (readonly number[])[] = [];
  async function stallMore(count: number): Promise<void> {
    const paths = Array.from({ length: count }, (_, n) => `/${stalled.length + n}`);
    for (const path of paths) reads.push(offer(path, 0, CONTENT.length).reads);
    stalled.push(...(await Promise.all(paths.map((path) => stall(path)))));
    await vi.waitUntil(() => sources.size - 1 <= ends.length, 60_000);
    await settled(() => reads.flat().length);
  }
  async function probe(): Promise<readonly number[]> {
    const { reads } = offer('/part', 0, 2 * LARGE);
    expect((await get('/part')).equals(CONTENT.subarray(0, 2 * LARGE))).toBe(true);
    return reads;
  }
  await stallMore(40);
  expect(reads.flat()).toContain(LARGE);
  let little = await probe();
  // The system may have taken the whole of a large buffer after all others had settled for small ones.
  for (let more = 0; more < 20 && little.includes(LARGE); more += 1) {
    await stallMore(1);
    little = await probe();
  }
  expect(new Set(little)).toEqual(new Set([SMALL]));

  for (const socket of stalled) socket.destroy();
  expect(await Promise.all(ends)).toEqual(ends.map(() => undefined));
  expect(await probe()).toEqual([LARGE, LARGE]);
});

it('breaks off where the file cannot be read, and uses its buffers again', async () => {
  const failure = new Error('the disk is gone');
  // More of them than there are buffers.
  for (let round = 0; round < 80; round++) {
    let reads = 0;
    offerFile('/broken', 0, 8 * LARGE, {
      identity: `broken ${round}`,
      read(buffer) {
        reads += 1;
        return reads < 2 ? Promise.resolve(buffer.length) : Promise.reject(failure);
      },
    });
    await expect(get('/broken')).rejects.toBeInstanceOf(TypeError);
  }
  expect(await Promise.all(ends)).toEqual(ends.map(() => failure));
  const { reads } = offer('/part', 0, 2 * LARGE);
  expect((await get('/part')).equals(CONTENT.subarray(0, 2 * LARGE))).toBe(true);
  expect(reads).toEqual([LARGE, LARGE]);
});

it('gives up on an answer behind another on a connection that is closed', async () => {
  offer('/all', 0, CONTENT.length);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write('GET /all HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
  await vi.waitUntil(() => ends.length === 2, 60_000);
  socket.destroy();
  expect(await Promise.all(ends)).toEqual([undefined, undefined]);
});
