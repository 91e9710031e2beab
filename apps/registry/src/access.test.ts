import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { readConfig } from './config.ts';
import { type RunningServer, startServer } from './server.ts';

vi.setConfig({ testTimeout: 120_000 });

/** Passwords: s3cret-pass and hunter2-örtchen. Made by libxcrypt. */
const HTPASSWD = `alice:$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy
bob:$2b$06$ZZcdefghijklmnopqrstuua8bkbsiNJ641uyMbPYaNI2sVO4zh2Ra
`;
const TOKEN = 'ci-token-0123456789';
const patient = { timeout: 60_000, interval: 20 };

let dir: string;
let server: RunningServer | undefined;
let log: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-access-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  await writeFile(join(dir, 'htpasswd'), HTPASSWD);
  await writeFile(join(dir, 'tokens'), `ci:${TOKEN}\n`);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => rm(dir, { recursive: true }));

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  const { config } = readConfig({
    NIXERY_HOST: '127.0.0.1',
    NIXERY_SEARCH: 'off',
    PORT: '0',
    NIXERY_PKGS_PATH: join(dir, 'packages'),
    STORAGE_PATH: join(dir, 'storage'),
    NIXERY_STATE_DIR: join(dir, 'state'),
    ...env,
  });
  log = '';
  const logger = pino({}, { write: (line: string) => void (log += line) });
  server = await startServer(config, logger, { fileIntervalMs: 10 });
}

function basic(user: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
const bearer = { Authorization: `Bearer ${TOKEN}` };

async function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return await fetch(`http://127.0.0.1:${server?.port}${path}`, { headers, method });
}

const errorSchema = z.object({
  errors: z.tuple([z.object({ code: z.string(), message: z.string() })]),
});
async function errorOf(response: Response) {
  return errorSchema.parse(await response.json()).errors[0];
}
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});

const catalogSchema = z.object({ repositories: z.array(z.string()) });

/** Writes the policy file. */
async function policy(lists: object): Promise<string> {
  const file = join(dir, 'policy.json');
  await writeFile(file, JSON.stringify(lists));
  return file;
}

describe('a server with passwords and tokens', () => {
  it('challenges who says nothing, and answers who says rightly who they are', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd'), NIXERY_TOKENS: join(dir, 'tokens') });
    for (const path of [
      '/v2/',
      '/v2/hello/manifests/latest',
      '/v2/hello/tags/list',
      '/',
      '/builds',
    ]) {
      const response = await ask(path);
      expect(response.status, path).toBe(401);
      expect(response.headers.get('www-authenticate'), path).toBe('Basic realm="nixery"');
      expect(await errorOf(response)).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    expect((await ask('/v2/', {}, 'HEAD')).status).toBe(401);
    expect((await ask('/v2/', {}, 'POST')).status).toBe(401);

    for (const headers of [
      basic('alice', 's3cret-pass'),
      basic('bob', 'hunter2-örtchen'),
      basic('ci', TOKEN),
      bearer,
    ]) {
      expect((await ask('/v2/', headers)).status).toBe(200);
    }
    for (const headers of [
      basic('alice', 'wrong'),
      basic('nobody', 's3cret-pass'),
      basic('alice', TOKEN),
      { Authorization: 'Bearer something-else-entirely' },
      { Authorization: 'nonsense' },
    ]) {
      expect((await ask('/v2/', headers)).status).toBe(401);
    }
    expect((await ask('/', basic('alice', 's3cret-pass'))).status).toBe(200);
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/readyz')).status).toBe(200);
  });

  it('answers those it knows while others guess, and makes guessers wait', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd') });
    expect((await ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
    const guesses = Array.from({ length: 100 }, (_, i) => ask('/v2/', basic('bob', `guess ${i}`)));
    expect((await ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
    const answers = await Promise.all(guesses);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const busy = answers.find(({ status }) => status === 429);
    expect(busy?.headers.get('retry-after')).toBe('1');
  });

  it('follows its files, and goes on with what it knew where they break', async () => {
    const file = join(dir, 'changing');
    await writeFile(file, HTPASSWD);
    await start({ NIXERY_HTPASSWD: file });
    expect((await ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(200);
    await writeFile(file, 'alice:{SHA}notbcrypt\n');
    await vi.waitFor(() => expect(log).toContain('not hashed with bcrypt'), patient);
    expect(log).not.toContain('notbcrypt');
    expect((await ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(200);
    await writeFile(file, HTPASSWD.split('\n')[0] ?? '');
    await vi.waitFor(async () => {
      expect((await ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(401);
    }, patient);
    expect((await ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
  });

  it('writes who asked into its log, and no secret', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd'), NIXERY_TOKENS: join(dir, 'tokens') });
    const secrets = ['s3cret-pass', 'wr0ng-guess', TOKEN, 'in-the-query', 'hunter2'];
    await ask('/v2/', basic('alice', 's3cret-pass'));
    await ask('/v2/', basic('alice', 'wr0ng-guess'));
    await ask('/v2/', { ...bearer, 'X-Api-Key': 'hunter2', Cookie: 'session=hunter2' });
    await ask('/v2/hello/manifests/latest?access_token=in-the-query&ns=docker.io', bearer);
    await ask('/v2/hello/manifests/latest?password=in-the-query', bearer);
    await ask('/v2//alice:hunter2@example/manifests/latest', bearer);
    await vi.waitFor(() => expect(log.match(/"msg":"request"/g)).toHaveLength(6), patient);
    expect(log).toContain('"user":"alice"');
    expect(log).toContain('"user":"ci"');
    expect(log).toContain('access_token=***&ns=docker.io');
    const encoded = secrets.map((secret) => Buffer.from(`alice:${secret}`).toString('base64'));
    for (const secret of [...secrets, ...encoded]) {
      expect(log).not.toContain(secret);
    }
  });

  it('has no cache between hand on to others what it gives to one', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd') });
    const alice = basic('alice', 's3cret-pass');
    const manifest = await ask('/v2/hello/manifests/latest', alice);
    const { layers } = manifestSchema.parse(await manifest.json());
    const layer = `/v2/hello/blobs/${layers[0]?.digest}`;
    for (const method of ['GET', 'HEAD']) {
      const { headers } = await ask(layer, alice, method);
      expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    }
    const again = await ask(layer, { ...alice, 'If-None-Match': '*' });
    expect(again.status).toBe(304);
    expect(again.headers.get('cache-control')).toMatch(/^private,/);
    await server?.stop();

    await start({ NIXERY_POLICY: await policy({ everyone: { deny: ['sharesA'] } }) });
    expect((await ask(layer)).headers.get('cache-control')).toMatch(/^private,/);
  });

  it('does not start with a file that it cannot use', async () => {
    await expect(start({ NIXERY_HTPASSWD: join(dir, 'absent') })).rejects.toThrow(
      /cannot be read \(ENOENT\)/,
    );
    await expect(start({ NIXERY_POLICY: join(dir, 'htpasswd') })).rejects.toThrow(/it is not JSON/);
  });
});

describe('the pages of a server with logins', () => {
  const paths = ['/', '/builds', '/builds.json', '/assets/page.css'];

  async function statuses(headers: Record<string, string> = {}): Promise<readonly number[]> {
    return await Promise.all(paths.map(async (path) => (await ask(path, headers)).status));
  }

  it('are for who has one', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd') });
    expect(await statuses()).toEqual([401, 401, 401, 401]);
    const challenge = await ask('/', { Accept: 'text/html' });
    expect(challenge.status).toBe(401);
    expect(challenge.headers.get('www-authenticate')).toBe('Basic realm="nixery"');
    expect(await challenge.text()).toContain('<h1>Log in to see this page</h1>');
    expect(await statuses(basic('alice', 's3cret-pass'))).toEqual([200, 200, 200, 200]);
  });

  it('are for everybody where that is said, and the rest is not', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd'), NIXERY_PAGE: 'public' });
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    for (const path of ['/v2/', '/metrics', '/buildsx', '/v2/hello/manifests/latest']) {
      expect((await ask(path)).status, path).toBe(401);
    }
  });

  it('are not there where that is said', async () => {
    await start({ NIXERY_HTPASSWD: join(dir, 'htpasswd'), NIXERY_PAGE: 'off' });
    expect(await statuses(basic('alice', 's3cret-pass'))).toEqual([404, 404, 404, 404]);
  });
});

describe('the pages of builds, where there are lists of packages', () => {
  it('are of those images that who looks may have', async () => {
    await start({
      NIXERY_POLICY: await policy({
        everyone: { allow: ['hello'] },
        users: { ci: { allow: ['**'] } },
      }),
      NIXERY_TOKENS: join(dir, 'tokens'),
      NIXERY_PAGE: 'public',
      STORAGE_PATH: join(dir, 'other-storage'),
      NIXERY_STATE_DIR: join(dir, 'other-state'),
    });
    expect((await ask('/v2/sharesb/manifests/latest', bearer)).status).toBe(200);
    expect((await ask('/v2/hello/manifests/latest', bearer)).status).toBe(200);
    // Builds whose log line is there have ended; each tells the id that its page has.
    await vi.waitFor(() => expect(log.match(/"msg":"build done"/g)).toHaveLength(2), patient);
    const [secret = '', open = ''] = [...log.matchAll(/"build":"([^"]+)".*"build started"/g)].map(
      ([, id = '']) => id,
    );
    const list = await (await ask('/builds.json')).text();
    expect(list).toContain(open);
    expect(list).not.toContain(secret);
    expect(list).not.toContain('sharesb');
    expect(await (await ask('/builds')).text()).not.toContain('sharesb');
    for (const suffix of ['', '.json', '/events']) {
      expect((await ask(`/builds/${open}${suffix}`)).status, suffix).toBe(200);
      expect((await ask(`/builds/${secret}${suffix}`)).status, suffix).toBe(404);
    }
  });
});

describe('a server with lists of packages', () => {
  it('refuses by name, by digest and by blob, and shares what allowed images hold', async () => {
    // Everything is built while there are no lists.
    await start({});
    const denied = await ask('/v2/sharesa/manifests/latest');
    const deniedDigest = String(denied.headers.get('docker-content-digest'));
    const deniedManifest = manifestSchema.parse(await denied.json());
    const allowed = manifestSchema.parse(await (await ask('/v2/sharesb/manifests/latest')).json());
    await server?.stop();

    await start({ NIXERY_POLICY: await policy({ everyone: { deny: ['sharesA'] } }) });
    for (const path of [
      'sharesa/manifests/latest',
      'sharesa.out/manifests/latest',
      'hello/sharesa/manifests/latest',
      'sharesa/tags/list',
      `sharesa/manifests/${deniedDigest}`,
      `sharesb/manifests/${deniedDigest}`,
      `sharesb/blobs/${deniedDigest}`,
      `sharesb/blobs/${deniedManifest.config.digest}`,
    ]) {
      const response = await ask(`/v2/${path}`);
      expect(response.status, path).toBe(403);
      const { code, message } = await errorOf(response);
      expect(code).toBe('DENIED');
      expect(message).toContain('is denied by the policy of this registry');
    }
    const blobs = deniedManifest.layers.map(({ digest }) => digest);
    const shared = blobs.filter((digest) =>
      allowed.layers.some((layer) => layer.digest === digest),
    );
    expect(shared.length).toBeGreaterThan(0);
    for (const digest of blobs) {
      const { status } = await ask(`/v2/sharesb/blobs/${digest}`, {}, 'HEAD');
      expect(status).toBe(shared.includes(digest) ? 200 : 403);
    }
    expect((await ask(`/v2/sharesb/blobs/sha256:${'0'.repeat(64)}`)).status).toBe(404);
    expect((await ask(`/v2/sharesb/manifests/sha256:${'0'.repeat(64)}`)).status).toBe(404);
    expect((await ask('/v2/sharesb/manifests/latest')).status).toBe(200);
  });

  it('lists in the catalog what is allowed, and tells no other name by where the next page begins', async () => {
    const state = { STORAGE_PATH: join(dir, 'catalog'), NIXERY_STATE_DIR: join(dir, 'catalogued') };
    await start(state);
    const names = ['hello', 'hello/sharesa', 'hello/sharesb', 'sharesa', 'sharesb'];
    for (const name of names) {
      expect((await ask(`/v2/${name}/manifests/latest`)).status, name).toBe(200);
    }
    await server?.stop();

    const file = await policy({ everyone: { deny: ['sharesA'] } });
    await start({ ...state, NIXERY_POLICY: file, NIXERY_CATALOG: '1' });
    const seen: string[] = [];
    let path: string | undefined = '/v2/_catalog?n=1';
    while (path !== undefined) {
      const page = await ask(path);
      const link: string | null = page.headers.get('link');
      expect(link ?? '').not.toContain('sharesa');
      const { repositories } = catalogSchema.parse(await page.json());
      expect(repositories).toHaveLength(1);
      seen.push(...repositories);
      path = link === null ? undefined : /^<(.*)>; rel="next"$/.exec(link)?.[1];
    }
    expect(seen).toEqual(['hello', 'hello/sharesb', 'sharesb']);
  });

  it('has lists for users, and follows the file', async () => {
    const file = await policy({ everyone: { allow: ['hello'] }, users: { ci: { allow: ['**'] } } });
    await start({
      NIXERY_POLICY: file,
      NIXERY_HTPASSWD: join(dir, 'htpasswd'),
      NIXERY_TOKENS: join(dir, 'tokens'),
    });
    const alice = basic('alice', 's3cret-pass');
    expect((await ask('/v2/hello/manifests/latest', alice)).status).toBe(200);
    expect((await ask('/v2/sharesb/manifests/latest', alice)).status).toBe(403);
    expect((await ask('/v2/sharesb/manifests/latest', bearer)).status).toBe(200);
    await policy({ everyone: { allow: ['sharesB'] } });
    await vi.waitFor(async () => {
      expect((await ask('/v2/hello/manifests/latest', alice)).status).toBe(403);
    }, patient);
    expect((await ask('/v2/sharesb/manifests/latest', alice)).status).toBe(200);
  });

  it('needs none to refuse what only leads round', async () => {
    await start({});
    const response = await ask('/v2/pkgsstatic.hello/manifests/latest');
    expect(response.status).toBe(403);
    expect((await errorOf(response)).message).toContain('NIXERY_ALLOW_SETS=pkgsStatic');
    await server?.stop();
    await start({ NIXERY_ALLOW_SETS: 'pkgsStatic' });
    expect((await ask('/v2/pkgsstatic.hello/manifests/latest')).status).toBe(404);
  });
});

describe('a server with limits', () => {
  it('counts requests by the address that a trusted proxy tells', async () => {
    await start({ NIXERY_CLIENT_REQUESTS: '3', NIXERY_TRUSTED_PROXIES: '127.0.0.0/8' });
    const a = { 'X-Forwarded-For': '198.51.100.1' };
    for (let i = 0; i < 3; i++) expect((await ask('/v2/', a)).status).toBe(200);
    const refused = await ask('/v2/', a);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await errorOf(refused)).toMatchObject({ code: 'TOOMANYREQUESTS' });
    expect((await ask('/v2/', { 'X-Forwarded-For': '198.51.100.2' })).status).toBe(200);
    expect((await ask('/v2/', { Forwarded: 'for=198.51.100.3' })).status).toBe(200);
    for (let i = 0; i < 10; i++) expect((await ask('/healthz', a)).status).toBe(200);
    await vi.waitFor(() => expect(log).toContain('"client":"198.51.100.3"'), patient);
  });

  it('does not believe what others tell of their address', async () => {
    await start({ NIXERY_CLIENT_REQUESTS: '2', NIXERY_TRUSTED_PROXIES: '192.0.2.0/24' });
    const statuses = [];
    for (const host of [1, 2, 3]) {
      statuses.push((await ask('/v2/', { 'X-Forwarded-For': `198.51.100.${host}` })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    await vi.waitFor(() => expect(log.match(/"client":"127.0.0.1"/g)).toHaveLength(3), patient);
  });

  it('counts who looks at pages that are open to everybody, and no probes', async () => {
    await start({ NIXERY_CLIENT_REQUESTS: '3', NIXERY_PAGE: 'public', NIXERY_SEARCH: 'on' });
    const statuses = [];
    for (const path of ['/', '/builds', '/packages.json?q=git', '/', '/packages.json?q=git']) {
      statuses.push((await ask(path)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    for (let i = 0; i < 5; i++) expect((await ask('/healthz')).status).toBe(200);
  });

  it('counts the builds that run for each client', async () => {
    await start({
      NIXERY_CLIENT_BUILDS: '1',
      NIXERY_TRUSTED_PROXIES: '127.0.0.1',
      NIXERY_HOLD_SECONDS: '1',
    });
    const a = { 'X-Forwarded-For': '198.51.100.1' };
    const first = ask('/v2/slow3/manifests/latest', a);
    await vi.waitFor(() => expect(log).toContain('build started'), patient);
    const refused = await ask('/v2/slow2/manifests/latest', a);
    expect(refused.status).toBe(429);
    expect((await errorOf(refused)).message).toContain('1 images are being built for you');
    expect((await first).status).toBe(200);
    expect((await ask('/v2/slow2/manifests/latest', a)).status).toBe(200);
  });
});

describe('the log', () => {
  it('says where a request came from whose client did not wait for the answer', async () => {
    await start({});
    const patience = new AbortController();
    const asked = fetch(`http://127.0.0.1:${server?.port}/v2/slow8/manifests/latest`, {
      signal: patience.signal,
    });
    await vi.waitFor(() => expect(log).toContain('build started'), patient);
    patience.abort();
    await expect(asked).rejects.toThrow('aborted');
    await vi.waitFor(() => expect(log).toContain('"aborted":true'), patient);
    const line = log.split('\n').find((text) => text.includes('"aborted":true'));
    expect(line).toContain('"client":"127.0.0.1"');
  });
});

describe('a server that builds nothing', () => {
  it('says so of what it cannot get', async () => {
    await start({ NIXERY_BUILD: 'substitutes-only' });
    const refused = await ask('/v2/slow1/manifests/latest');
    expect(refused.status).toBe(403);
    const { code, message } = await errorOf(refused);
    expect(code).toBe('DENIED');
    expect(message).toMatch(/NIXERY_BUILD=substitutes-only.*slow1-1\.0/);
  });
});
