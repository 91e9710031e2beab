import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Certificates, createCertificates } from './certificates.ts';
import { missingCommands } from './clients/command.ts';
import { clientCases } from './clients/each.ts';
import { caughtUp, countLogged, logLines } from './log-lines.ts';
import { type Nginx, startNginx } from './nginx.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const manifestSchema = z.object({
  layers: z.array(z.object({ digest: z.string(), size: z.number() })).min(1),
});

const documentation = readFileSync(new URL('../../docs/reverse-proxy.md', import.meta.url), 'utf8');
/** The name that it has clients write. */
const DOCUMENTED_HOST = 'registry.example';

const missing = missingCommands(['nginx', 'openssl']);
const cases = await clientCases();
let dir: string;
let certificates: Certificates;
let registry: RegistryServer;
const proxies = new Map<string, Nginx>();

beforeAll(async () => {
  if (missing.length > 0) return;
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-proxy-'));
  certificates = createCertificates(path.join(dir, 'certificates'));
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() }),
    NIXERY_HOLD_SECONDS: '3',
  });
  for (const buffering of ['on', 'off'] as const) {
    // It gives up on a request long before a build is done, but not before the request is sent on.
    const options = { upstream: registry.host, certificates, readTimeout: 10, buffering };
    proxies.set(buffering, await startNginx(path.join(dir, `nginx-${buffering}`), options));
  }
  for (const { client, obstacle } of cases) {
    if (obstacle !== null) continue;
    const clientDir = path.join(dir, client.name);
    mkdirSync(clientDir);
    await client.start(clientDir);
  }
});
afterAll(async () => {
  await Promise.all(cases.map(({ client }) => client.stop()));
  await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
  await registry?.stop();
  if (missing.length === 0) rmSync(dir, { recursive: true, force: true });
});

function hostOf(buffering: string): string {
  return proxies.get(buffering)?.host ?? '';
}

const requestLine = z.object({
  msg: z.literal('request'),
  url: z.string(),
  agent: z.string().optional(),
});

function requests(): readonly z.infer<typeof requestLine>[] {
  return logLines(registry).flatMap((line) => requestLine.safeParse(line).data ?? []);
}

/** The folder of containerd's documented configuration, with the address of this test's proxy. */
function documentedHosts(): string {
  const [, block = ''] = /^```toml\n(.*?)^```$/ms.exec(documentation) ?? [];
  expect(block).toContain(`https://${DOCUMENTED_HOST}/`);
  const folder = path.join(dir, 'certs.d');
  mkdirSync(path.join(folder, DOCUMENTED_HOST), { recursive: true });
  const adapted = block.replaceAll(`https://${DOCUMENTED_HOST}/`, `https://${hostOf('on')}/`);
  const authority = `ca = ${JSON.stringify(certificates.authority)}\n`;
  writeFileSync(path.join(folder, DOCUMENTED_HOST, 'hosts.toml'), adapted + authority);
  return folder;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** One request, which follows no redirect; the certificate is checked. */
async function ask(url: string, init: { method?: string; range?: string } = {}): Promise<Answer> {
  const { method = 'GET', range } = init;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const ca = readFileSync(certificates.authority);
  const headers = range === undefined ? {} : { Range: range };
  request(url, { ca, method, headers, agent: false }, resolve).on('error', reject).end();
  const message = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  const { headers: received, statusCode } = message;
  return { status: statusCode, headers: received, body: Buffer.concat(chunks) };
}

/** Follows redirects as clients do; all addresses asked, the first included. */
async function follow(url: string, method: string): Promise<{ urls: string[]; answer: Answer }> {
  const urls = [url];
  for (;;) {
    const from = urls.at(-1) ?? url;
    const answer = await ask(from, { method });
    if (answer.status !== 307) return { urls, answer };
    urls.push(new URL(answer.headers.location ?? '', from).href);
  }
}

const proxyCases = [
  { buffering: 'off', seconds: 12 },
  { buffering: 'on', seconds: 13 },
] as const;

describe.for(proxyCases)('through nginx, with proxy_buffering $buffering', (proxyCase) => {
  const { buffering, seconds } = proxyCase;

  test.skipIf(missing.length > 0 || cases.some(({ obstacle }) => obstacle !== null))(
    'all clients pull over TLS an image that takes longer than nginx waits for an answer',
    async () => {
      const image = { host: hostOf(buffering), name: `slow${seconds}/large`, reference: 'v1' };
      const { trustFolder } = certificates;
      const results = await Promise.all(
        cases.map(({ client }) => client.pull(image, { certificates: trustFolder })),
      );
      for (const [i, { code, output }] of results.entries()) {
        expect(code, `${cases[i]?.name}: ${output}`).toBe(0);
      }
      expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    },
  );

  test.skipIf(missing.length > 0)('a part of a blob comes as asked for', async () => {
    const base = `https://${hostOf(buffering)}/v2/hello`;
    const { answer } = await follow(`${base}/manifests/latest`, 'GET');
    const { layers } = manifestSchema.parse(JSON.parse(answer.body.toString()));
    const [layer] = layers;
    const blob = `${base}/blobs/${layer?.digest}`;
    const [whole, part] = await Promise.all([ask(blob), ask(blob, { range: 'bytes=10-19' })]);
    expect(whole.body.length).toBe(layer?.size);
    expect(part.status).toBe(206);
    expect(part.body).toEqual(whole.body.subarray(10, 20));
  });
});

describe('under a path of the proxy', () => {
  test.skipIf(missing.length > 0).for(['GET', 'HEAD'])(
    '%s is redirected within it, by a query alone, until the image is there',
    async (method) => {
      const name = method === 'GET' ? 'slow10' : 'slow11';
      const url = `https://${hostOf('on')}/images/v2/${name}/manifests/v1`;
      const first = await ask(url, { method });
      expect(first.status).toBe(307);
      expect(first.headers.location).toBe('?w=1');

      const { answer, urls } = await follow(`${url}?ns=docker.io`, method);
      expect(answer.status).toBe(200);
      expect(answer.headers['docker-content-digest']).toMatch(/^sha256:/);
      expect(urls.length).toBeGreaterThan(1);
      for (const [hop, asked] of urls.slice(1).entries()) {
        expect(asked).toBe(`${url}?ns=docker.io&w=${hop + 1}`);
      }
    },
  );

  const containerd = cases.find(({ name }) => name === 'containerd');
  test.skipIf(missing.length > 0 || containerd?.obstacle !== null)(
    'containerd, configured as documented, pulls what takes longer than a request is held',
    async () => {
      const mirrors = documentedHosts();
      const image = { host: DOCUMENTED_HOST, name: 'slow8', reference: 'v1' };
      const pulled = await containerd?.client.pull(image, { mirrors });
      expect(pulled?.code, pulled?.output).toBe(0);
      const { answer } = await follow(
        `https://${hostOf('on')}/images/v2/slow8/manifests/v1`,
        'HEAD',
      );
      expect(pulled?.digest).toBe(answer.headers['docker-content-digest']);
      await caughtUp(registry);
      const asked = requests().filter(({ url }) => url.startsWith('/v2/slow8/manifests/v1?'));
      expect(
        asked.some(({ agent, url }) => agent?.startsWith('containerd') && /w=\d/.test(url)),
      ).toBe(true);
    },
  );

  test.skipIf(missing.length > 0)('errors come as the registry words them', async () => {
    const { body, headers, status } = await ask(
      `https://${hostOf('on')}/images/v2/helo/manifests/v1`,
    );
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('application/json');
    expect(body.toString()).toContain('did you mean hello?');
  });
});

test.skipIf(missing.length > 0)('under another name of the proxy it is the same', async () => {
  const port = hostOf('on').split(':')[1];
  const { answer } = await follow(`https://localhost:${port}/v2/hello/manifests/latest`, 'HEAD');
  expect(answer.status).toBe(200);
});

test.skipIf(missing.length > 0)(
  'a build that nginx has given up on goes on, and the next pull finds it',
  async () => {
    const url = `https://${hostOf('off')}/v2/slow15/manifests/v1`;
    const last = await ask(`${url}?w=9`);
    expect(last.status).toBe(504);
    const { answer } = await follow(url, 'GET');
    expect(answer.status).toBe(200);
    await caughtUp(registry);
    const started = countLogged(registry, 'build started');
    expect((await ask(url)).status).toBe(200);
    await caughtUp(registry);
    expect(countLogged(registry, 'build started')).toBe(started);
  },
);
