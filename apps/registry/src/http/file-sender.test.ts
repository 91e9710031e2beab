import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, truncate } from 'node:fs/promises';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, get as getByTls } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import {
  type BlobOpener,
  type ByteRange,
  createFilesystemStore,
  digestOf,
  type Digest,
} from '@nixery/storage';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { makeCertificate } from '../testing/certificate.ts';
import { FileSender } from './file-sender.ts';
import { loadSendfile, type Sendfile } from './sendfile.ts';

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;
const CONTENT = randomFillSync(Buffer.alloc(20 * MIB + 17));
const DIGEST = digestOf(CONTENT);
const patient = { timeout: 60_000, interval: 20 };

let folder: string;
let store: BlobOpener;
let sender: FileSender;
let servers: Server[];
let port: number;
/** How each sending ended. */
let ends: Promise<unknown>[];
/** What went past node:http, of each. */
let past: number[];
/** The connections that were asked over. */
let sockets: Set<Socket>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nixery-sender-'));
  const files = await createFilesystemStore({ root: folder });
  await files.put(DIGEST, { bytes: CONTENT }, 'application/octet-stream');
  store = files;
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  sender = new FileSender();
  servers = [];
  ends = [];
  past = [];
  sockets = new Set();
  port = await listen(createServer(listener));
});
afterEach(async () => {
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    }),
  );
  await vi.waitUntil(async () => (await openFiles()).length === 0, patient);
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const listener: RequestListener = (request, response) => {
  sockets.add(request.socket);
  ends.push(answer(request.url ?? '', response).catch((error: unknown) => error));
};

/** `/FIRST-LAST` is a part of the content. */
async function answer(path: string, response: ServerResponse): Promise<void> {
  const [first = 0, last = 0] = path.slice(1).split('-').map(Number);
  const at = past.push(0) - 1;
  const blob = await open({ first, last });
  response.writeHead(200, { 'Content-Length': last - first + 1 });
  try {
    await sender.send(response, blob, (bytes) => (past[at] = (past[at] ?? 0) + bytes));
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    blob.body.destroy();
  }
}

async function open(range: ByteRange) {
  const blob = await store.open(DIGEST, range);
  if (!blob.satisfiable) throw new Error('there is no such part');
  return blob;
}

function pathOf(offset: number, length: number): string {
  return `/${offset}-${offset + length - 1}`;
}

async function get(path: string): Promise<Buffer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return Buffer.from(await response.arrayBuffer());
}

/** A connection that has asked, and reads nothing. */
async function stall(path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

/** Descriptors of stored files that this process holds. */
async function openFiles(): Promise<readonly string[]> {
  const targets = await descriptors();
  return targets.filter((target) => target.startsWith(folder));
}

async function descriptors(): Promise<readonly string[]> {
  const names = await readdir('/proc/self/fd');
  // The folder's own is closed by now.
  return await Promise.all(names.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
}

function countSent(): number {
  return past.reduce((sum, bytes) => sum + bytes, 0);
}

async function sendfileHere(): Promise<Sendfile> {
  const sendfile = await loadSendfile();
  if (sendfile === undefined) throw new Error('there is no sendfile here');
  return sendfile;
}

it.each([
  [0, 1],
  [5, CHUNK],
  [0, CHUNK + 1],
  [CHUNK - 1, 4 * MIB + CHUNK],
  [1, 4 * MIB + CHUNK + 1],
  [7, 3 * MIB],
  [4 * MIB - 1, 12 * MIB + CHUNK + 1],
  [0, CONTENT.length],
])('sends what is asked for of a file: from %d on %d bytes', async (offset, length) => {
  const sent = await get(pathOf(offset, length));
  expect(sent.equals(CONTENT.subarray(offset, offset + length))).toBe(true);
});

it('sends nothing of an empty file', async () => {
  const empty = await createFilesystemStore({ root: join(folder, 'empty') });
  await empty.put(digestOf(Buffer.alloc(0)), { bytes: Buffer.alloc(0) }, 'text/plain');
  const blob = await empty.open(digestOf(Buffer.alloc(0)));
  const other = await listen(
    createServer((request, response) => {
      sockets.add(request.socket);
      response.writeHead(200, { 'Content-Length': 0 });
      void sender.send(response, blob, () => undefined).finally(() => blob.body.destroy());
    }),
  );
  const response = await fetch(`http://127.0.0.1:${other}/`);
  expect((await response.arrayBuffer()).byteLength).toBe(0);
});

it('leaves most of it to the kernel, and tells how much', async () => {
  await get(pathOf(0, CONTENT.length));
  await Promise.all(ends);
  expect(countSent()).toBeGreaterThan(CONTENT.length / 2);
  expect(countSent()).toBeLessThanOrEqual(CONTENT.length - CHUNK);
  const [socket] = sockets;
  const written = socket?.bytesWritten ?? 0;
  expect(written + countSent() - CONTENT.length).toBeGreaterThan(0);
  expect(written + countSent() - CONTENT.length).toBeLessThan(1_000);
});

it('sends each of many clients at once their own bytes', async () => {
  const starts = Array.from({ length: 40 }, (_, n) => n * 1_003);
  const sent = await Promise.all(starts.map((start) => get(pathOf(start, 9 * MIB + 3))));
  const right = starts.map((start) => CONTENT.subarray(start, start + 9 * MIB + 3));
  expect(sent.map((bytes, n) => bytes.equals(right[n] ?? Buffer.alloc(0)))).toEqual(
    starts.map(() => true),
  );
});

it('answers requests that come one behind the other on a connection in turn', async () => {
  const socket = connect(port, '127.0.0.1');
  const parts = [
    [3, 5 * MIB],
    [7 * MIB, 6 * MIB],
    [11, CHUNK],
  ] as const;
  const asked = parts.map(
    ([offset, length], n) =>
      `GET ${pathOf(offset, length)} HTTP/1.1\r\nHost: localhost\r\n${n === 2 ? 'Connection: close\r\n' : ''}\r\n`,
  );
  socket.write(asked.join(''));
  let left = await buffer(socket);
  for (const [offset, length] of parts) {
    const body = left.indexOf('\r\n\r\n') + 4;
    expect(
      left.subarray(body, body + length).equals(CONTENT.subarray(offset, offset + length)),
    ).toBe(true);
    left = left.subarray(body + length);
  }
  expect(left).toHaveLength(0);
});

it('goes on for others while clients stall, and lets go of everything when they leave', async () => {
  const before = await descriptors();
  const stalled = await Promise.all(
    Array.from({ length: 100 }, () => stall(pathOf(0, CONTENT.length))),
  );
  await vi.waitUntil(() => ends.length === 100, patient);
  // Until the system takes no more for any of them.
  for (let sent = -1; sent < countSent();) {
    sent = countSent();
    await delay(500);
  }
  expect((await get(pathOf(1, 9 * MIB))).equals(CONTENT.subarray(1, 1 + 9 * MIB))).toBe(true);
  for (const socket of stalled) socket.destroy();
  expect(await Promise.all(ends)).toEqual(ends.map(() => undefined));
  await vi.waitFor(async () => expect(await openFiles()).toEqual([]), patient);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(
    async () => expect((await descriptors()).length).toBeLessThanOrEqual(before.length),
    patient,
  );
});

it('sends nothing to the client whose connection gets the number of one that was closed', async () => {
  const sendfile = await sendfileHere();
  const called = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  sender = new FileSender(
    Promise.resolve({
      duplicate: sendfile.duplicate,
      async send(...call) {
        called.resolve();
        await gate.promise;
        return await sendfile.send(...call);
      },
    }),
  );
  const leaving = await stall(pathOf(0, CONTENT.length));
  await called.promise;
  const [socket] = sockets;
  leaving.destroy();
  await vi.waitUntil(() => socket?.destroyed, patient);
  const newcomer = connect(port, '127.0.0.1');
  let received = 0;
  newcomer.on('data', (bytes) => (received += bytes.length));
  await once(newcomer, 'connect');
  gate.resolve();
  expect(await Promise.all(ends)).toEqual([undefined]);
  await delay(200);
  expect(received).toBe(0);
  newcomer.destroy();
});

it('breaks off where the file ends early, and where it cannot be read', async () => {
  const copies = await createFilesystemStore({ root: join(folder, 'copies') });
  await copies.put(DIGEST, { bytes: CONTENT }, 'application/octet-stream');
  const intact = store;
  store = copies;
  try {
    const asked = await stall(pathOf(0, CONTENT.length));
    await vi.waitUntil(() => countSent() > 0, patient);
    await truncate(join(folder, 'copies', 'layers', DIGEST.slice('sha256:'.length)), 0);
    const received = buffer(asked).catch(() => Buffer.alloc(0));
    asked.resume();
    expect((await received).length).toBeLessThan(CONTENT.length);
    expect(await Promise.all(ends)).toMatchObject([{ code: 'corrupt' }]);
  } finally {
    store = intact;
  }

  const failure = new Error('the disk is gone');
  const broken: BlobOpener['open'] = async (digest: Digest) => {
    const blob = await intact.open(digest);
    if (blob.file === undefined) throw new Error('no file');
    return { ...blob, file: { fd: blob.file.fd, read: () => Promise.reject(failure) } };
  };
  store = { open: broken };
  try {
    await expect(get(pathOf(0, CONTENT.length))).rejects.toBeInstanceOf(TypeError);
    expect((await Promise.all(ends)).at(-1)).toBe(failure);
  } finally {
    store = intact;
  }
});

it('asks the kernel for a few clients at a time, and the others in their turn', async () => {
  const sendfile = await sendfileHere();
  let running = 0;
  let most = 0;
  const eight = Promise.withResolvers<void>();
  sender = new FileSender(
    Promise.resolve({
      duplicate: sendfile.duplicate,
      async send(...call) {
        running += 1;
        most = Math.max(most, running);
        // However slowly the others come, all that may go at a time do.
        if (running === 8) eight.resolve();
        await eight.promise;
        await delay(20);
        running -= 1;
        return await sendfile.send(...call);
      },
    }),
  );
  const sent = await Promise.all(Array.from({ length: 30 }, () => get(pathOf(0, 5 * MIB))));
  expect(sent.every((bytes) => bytes.equals(CONTENT.subarray(0, 5 * MIB)))).toBe(true);
  expect(most).toBe(8);
});

it('reads all by itself where the kernel sends nothing', async () => {
  sender = new FileSender(
    Promise.resolve({
      duplicate: () => -1,
      send: () => Promise.reject(new Error('not to be called')),
    }),
  );
  expect((await get(pathOf(1, 5 * MIB))).equals(CONTENT.subarray(1, 1 + 5 * MIB))).toBe(true);
  const { duplicate } = await sendfileHere();
  sender = new FileSender(Promise.resolve({ duplicate, send: () => Promise.resolve(-1) }));
  expect((await get(pathOf(1, 5 * MIB))).equals(CONTENT.subarray(1, 1 + 5 * MIB))).toBe(true);
  sender = new FileSender(Promise.resolve(undefined));
  expect((await get(pathOf(1, 5 * MIB))).equals(CONTENT.subarray(1, 1 + 5 * MIB))).toBe(true);
  expect(await Promise.all(ends)).toEqual(ends.map(() => undefined));
  expect(countSent()).toBe(0);
});

it('gives to the kernel nothing that has to be encrypted', async () => {
  const { cert, key } = await makeCertificate(folder, 'here');
  const pair = { key: await readFile(key), cert: await readFile(cert) };
  const other = await listen(createTlsServer(pair, listener));
  const body = await new Promise<Buffer>((resolve, reject) => {
    const path = pathOf(1, 9 * MIB);
    getByTls({ host: '127.0.0.1', port: other, path, ca: pair.cert }, (response) => {
      resolve(buffer(response));
    }).on('error', reject);
  });
  expect(body.equals(CONTENT.subarray(1, 1 + 9 * MIB))).toBe(true);
  expect(countSent()).toBe(0);
});

it('gives up on an answer behind another on a connection that is closed', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const path = pathOf(0, CONTENT.length);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(2));
  await vi.waitUntil(() => ends.length === 2, patient);
  socket.destroy();
  expect(await Promise.all(ends)).toEqual([undefined, undefined]);
});
