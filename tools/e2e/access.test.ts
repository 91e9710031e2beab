import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clientCases } from './clients/each.ts';
import { caughtUp, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const password = 's3cret-pass';
/** Of alice, made by libxcrypt. */
const hash = '$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy';
const policy = { everyone: { allow: ['hello', 'slow*'] } };
/** What takes longer than a request is held, for each client something of its own. */
const SLOW: Readonly<Record<string, string>> = {
  skopeo: 'slow3',
  podman: 'slow4',
  buildah: 'slow5',
  docker: 'slow6',
  containerd: 'slow7',
};

const requestLine = z.object({
  msg: z.literal('request'),
  url: z.string(),
  status: z.number(),
  user: z.string().optional(),
});

const clients = await clientCases();
let dir: string;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-access-'));
  const files = { NIXERY_HTPASSWD: `alice:${hash}\n`, NIXERY_POLICY: JSON.stringify(policy) };
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(dir, name), content);
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() }),
    NIXERY_HOLD_SECONDS: '1',
    ...Object.fromEntries(Object.keys(files).map((name) => [name, path.join(dir, name)])),
  });
});
afterAll(async () => {
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function image(name: string) {
  return { host: registry.host, name, reference: 'latest' };
}

describe.for(clients)('$name', ({ client, name, obstacle }) => {
  beforeAll(async () => {
    if (obstacle === null) await client.start(mkdtempSync(path.join(dir, `${name}-`)));
  });
  afterAll(() => client.stop());

  test.skipIf(obstacle !== null)('pulls what is allowed once it has logged in', async () => {
    const stranger = await client.pull(image('hello'));
    expect(stranger.code, stranger.output).not.toBe(0);

    const login = await client.logIn({ host: registry.host, user: 'alice', password });
    expect(login.code, login.stdout + login.stderr).toBe(0);
    const pulled = await client.pull(image('hello'));
    expect(pulled.code, pulled.output).toBe(0);
    const again = await client.pull({ ...image('hello'), reference: String(pulled.digest) });
    expect(again, again.output).toMatchObject({ code: 0, digest: pulled.digest });

    const denied = await client.pull(image('sharesa'));
    expect(denied.code).not.toBe(0);
    // containerd shows the status of a refusal and not its message.
    expect(denied.output).toMatch(/package "sharesa" is not among|package \\"sharesa\\"|403/);
  });

  test.skipIf(obstacle !== null)('says who it is after each redirect, too', async () => {
    const slow = SLOW[name] ?? '';
    const pulled = await client.pull(image(slow));
    expect(pulled.code, pulled.output).toBe(0);
    await caughtUp(registry);
    const lines = logLines(registry).flatMap((line) => requestLine.safeParse(line).data ?? []);
    const asked = lines.filter(({ url }) => url.startsWith(`/v2/${slow}/manifests/latest?w=`));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.map(({ user }) => user)).toEqual(asked.map(() => 'alice'));
  });
});

test('nothing secret is in the log', async () => {
  const credentials = Buffer.from(`alice:${password}`).toString('base64');
  const response = await fetch(`${registry.url}/v2/hello/manifests/latest`, {
    headers: { authorization: `Basic ${credentials}` },
  });
  expect(response.status).toBe(200);
  await caughtUp(registry);
  const log = registry.logs();
  expect(log).toContain('"user":"alice"');
  expect(log).not.toContain(password);
  expect(log).not.toContain(credentials);
});
