import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';

import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';

import { AccessFileError } from './access/access-file.ts';
import { makeCertificate } from './testing/certificate.ts';
import { WebServer } from './web-server.ts';

const patient = { timeout: 60_000, interval: 20 };

let dir: string;
let server: WebServer | undefined;
let errors: AccessFileError[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-tls-'));
  for (const name of ['first', 'second']) await makeCertificate(dir, name);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => rm(dir, { recursive: true }));

async function use(part: 'crt' | 'key', name: 'first' | 'second'): Promise<void> {
  await copyFile(join(dir, `${name}.${part}`), join(dir, `tls.${part}`));
}

async function start(): Promise<WebServer> {
  errors = [];
  const tls = { cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') };
  const listening = await WebServer.start(
    { host: '127.0.0.1', port: 0, tls },
    (_request, response) => response.end('answered'),
    { onFileError: (error) => errors.push(error), fileIntervalMs: 10 },
  );
  server = listening;
  return listening;
}

/** Whose certificate a new connection is shown. */
async function subject(port: number): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerX509Certificate()?.subject));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

it('a certificate and its key make HTTPS of it, which who knows the certificate trusts', async () => {
  await use('crt', 'first');
  await use('key', 'first');
  const { port } = await start();
  const ca = await readFile(join(dir, 'first.crt'));
  const { authorized } = await new Promise<TLSSocket>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca }, () => resolve(socket.end()));
    socket.on('error', reject);
  });
  expect(authorized).toBe(true);
});

it('a changed pair is used once both files belong together, and never a broken one', async () => {
  await use('crt', 'first');
  await use('key', 'first');
  const { port } = await start();
  expect(await subject(port)).toBe('CN=first');

  await use('crt', 'second');
  await vi.waitFor(() => expect(errors).not.toEqual([]), patient);
  expect(errors[0]?.message).toMatch(/no certificate and key that belong together/);
  expect(await subject(port)).toBe('CN=first');
  await use('key', 'second');
  await vi.waitFor(async () => expect(await subject(port)).toBe('CN=second'), patient);

  for (const content of ['', 'no key at all']) {
    const seen = errors.length;
    await writeFile(join(dir, 'tls.key'), content);
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(seen), patient);
    expect(await subject(port)).toBe('CN=second');
  }
});

it('a pair that cannot be used at the start is told', async () => {
  await use('crt', 'first');
  await use('key', 'second');
  await expect(start()).rejects.toThrow(AccessFileError);
});
