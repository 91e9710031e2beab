import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, vi } from 'vitest';

import {
  basic,
  bearer,
  errorOf,
  HTPASSWD,
  manifestSchema,
  patient,
  TOKEN,
  useAccessServer,
} from '../testing/access-server.ts';

const server = useAccessServer();

describe('a server with passwords and tokens', () => {
  it('challenges who says nothing, and answers who says rightly who they are', async () => {
    await server.start({
      NIXERY_HTPASSWD: join(server.dir, 'htpasswd'),
      NIXERY_TOKENS: join(server.dir, 'tokens'),
    });
    for (const path of [
      '/v2/',
      '/v2/hello/manifests/latest',
      '/v2/hello/tags/list',
      '/',
      '/builds',
    ]) {
      const response = await server.ask(path);
      expect(response.status, path).toBe(401);
      expect(response.headers.get('www-authenticate'), path).toBe('Basic realm="nixery"');
      expect(await errorOf(response)).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    expect((await server.ask('/v2/', {}, 'HEAD')).status).toBe(401);
    expect((await server.ask('/v2/', {}, 'POST')).status).toBe(401);

    for (const headers of [
      basic('alice', 's3cret-pass'),
      basic('bob', 'hunter2-örtchen'),
      basic('ci', TOKEN),
      bearer,
    ]) {
      expect((await server.ask('/v2/', headers)).status).toBe(200);
    }
    for (const headers of [
      basic('alice', 'wrong'),
      basic('nobody', 's3cret-pass'),
      basic('alice', TOKEN),
      { Authorization: 'Bearer something-else-entirely' },
      { Authorization: 'nonsense' },
    ]) {
      expect((await server.ask('/v2/', headers)).status).toBe(401);
    }
    expect((await server.ask('/', basic('alice', 's3cret-pass'))).status).toBe(200);
    expect((await server.ask('/healthz')).status).toBe(200);
    expect((await server.ask('/readyz')).status).toBe(200);
  });

  it('answers those it knows while others guess, and makes guessers wait', async () => {
    await server.start({ NIXERY_HTPASSWD: join(server.dir, 'htpasswd') });
    expect((await server.ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
    const guesses = Array.from({ length: 100 }, (_, i) =>
      server.ask('/v2/', basic('bob', `guess ${i}`)),
    );
    expect((await server.ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
    const answers = await Promise.all(guesses);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const busy = answers.find(({ status }) => status === 429);
    expect(busy?.headers.get('retry-after')).toBe('1');
  });

  it('follows its files, and goes on with what it knew where they break', async () => {
    const file = join(server.dir, 'changing');
    await writeFile(file, HTPASSWD);
    await server.start({ NIXERY_HTPASSWD: file });
    expect((await server.ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(200);
    await writeFile(file, 'alice:{SHA}notbcrypt\n');
    await vi.waitFor(() => expect(server.log).toContain('not hashed with bcrypt'), patient);
    expect(server.log).not.toContain('notbcrypt');
    expect((await server.ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(200);
    await writeFile(file, HTPASSWD.split('\n')[0] ?? '');
    await vi.waitFor(async () => {
      expect((await server.ask('/v2/', basic('bob', 'hunter2-örtchen'))).status).toBe(401);
    }, patient);
    expect((await server.ask('/v2/', basic('alice', 's3cret-pass'))).status).toBe(200);
  });

  it('writes who asked into its log, and no secret', async () => {
    await server.start({
      NIXERY_HTPASSWD: join(server.dir, 'htpasswd'),
      NIXERY_TOKENS: join(server.dir, 'tokens'),
    });
    const secrets = ['s3cret-pass', 'wr0ng-guess', TOKEN, 'in-the-query', 'hunter2'];
    await server.ask('/v2/', basic('alice', 's3cret-pass'));
    await server.ask('/v2/', basic('alice', 'wr0ng-guess'));
    await server.ask('/v2/', { ...bearer, 'X-Api-Key': 'hunter2', Cookie: 'session=hunter2' });
    await server.ask('/v2/hello/manifests/latest?access_token=in-the-query&ns=docker.io', bearer);
    await server.ask('/v2/hello/manifests/latest?password=in-the-query', bearer);
    await server.ask('/v2//alice:hunter2@example/manifests/latest', bearer);
    await vi.waitFor(() => expect(server.log.match(/"msg":"request"/g)).toHaveLength(6), patient);
    expect(server.log).toContain('"user":"alice"');
    expect(server.log).toContain('"user":"ci"');
    expect(server.log).toContain('access_token=***&ns=docker.io');
    const encoded = secrets.map((secret) => Buffer.from(`alice:${secret}`).toString('base64'));
    for (const secret of [...secrets, ...encoded]) {
      expect(server.log).not.toContain(secret);
    }
  });

  it('has no cache between hand on to others what it gives to one', async () => {
    await server.start({ NIXERY_HTPASSWD: join(server.dir, 'htpasswd') });
    const alice = basic('alice', 's3cret-pass');
    const manifest = await server.ask('/v2/hello/manifests/latest', alice);
    const { layers } = manifestSchema.parse(await manifest.json());
    const layer = `/v2/hello/blobs/${layers[0]?.digest}`;
    for (const method of ['GET', 'HEAD']) {
      const { headers } = await server.ask(layer, alice, method);
      expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    }
    const again = await server.ask(layer, { ...alice, 'If-None-Match': '*' });
    expect(again.status).toBe(304);
    expect(again.headers.get('cache-control')).toMatch(/^private,/);
    await server.stop();

    await server.start({ NIXERY_POLICY: await server.policy({ everyone: { deny: ['sharesA'] } }) });
    expect((await server.ask(layer)).headers.get('cache-control')).toMatch(/^private,/);
  });

  it('does not start with a file that it cannot use', async () => {
    await expect(server.start({ NIXERY_HTPASSWD: join(server.dir, 'absent') })).rejects.toThrow(
      /cannot be read \(ENOENT\)/,
    );
    await expect(server.start({ NIXERY_POLICY: join(server.dir, 'htpasswd') })).rejects.toThrow(
      /it is not JSON/,
    );
  });
});

describe('the pages of a server with logins', () => {
  const paths = ['/', '/builds', '/builds.json', '/assets/page.css'];

  async function statuses(headers: Record<string, string> = {}): Promise<readonly number[]> {
    return await Promise.all(paths.map(async (path) => (await server.ask(path, headers)).status));
  }

  it('are for who has one', async () => {
    await server.start({ NIXERY_HTPASSWD: join(server.dir, 'htpasswd') });
    expect(await statuses()).toEqual([401, 401, 401, 401]);
    const challenge = await server.ask('/', { Accept: 'text/html' });
    expect(challenge.status).toBe(401);
    expect(challenge.headers.get('www-authenticate')).toBe('Basic realm="nixery"');
    expect(await challenge.text()).toContain('<h1>Log in to see this page</h1>');
    expect(await statuses(basic('alice', 's3cret-pass'))).toEqual([200, 200, 200, 200]);
  });

  it('are for everybody where that is said, and the rest is not', async () => {
    await server.start({ NIXERY_HTPASSWD: join(server.dir, 'htpasswd'), NIXERY_PAGE: 'public' });
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    for (const path of ['/v2/', '/metrics', '/buildsx', '/v2/hello/manifests/latest']) {
      expect((await server.ask(path)).status, path).toBe(401);
    }
  });

  it('are not there where that is said', async () => {
    await server.start({ NIXERY_HTPASSWD: join(server.dir, 'htpasswd'), NIXERY_PAGE: 'off' });
    expect(await statuses(basic('alice', 's3cret-pass'))).toEqual([404, 404, 404, 404]);
  });
});
