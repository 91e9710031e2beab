import { join } from 'node:path';

import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import {
  basic,
  bearer,
  errorOf,
  manifestSchema,
  patient,
  useAccessServer,
} from '../testing/access-server.ts';

const catalogSchema = z.object({ repositories: z.array(z.string()) });

const server = useAccessServer();

describe('a server with lists of packages', () => {
  it('refuses by name, by digest and by blob, and shares what allowed images hold', async () => {
    // Everything is built while there are no lists.
    await server.start({});
    const denied = await server.ask('/v2/sharesa/manifests/latest');
    const deniedDigest = String(denied.headers.get('docker-content-digest'));
    const deniedManifest = manifestSchema.parse(await denied.json());
    const allowed = manifestSchema.parse(
      await (await server.ask('/v2/sharesb/manifests/latest')).json(),
    );
    await server.stop();

    await server.start({ NIXERY_POLICY: await server.policy({ everyone: { deny: ['sharesA'] } }) });
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
      const response = await server.ask(`/v2/${path}`);
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
      const { status } = await server.ask(`/v2/sharesb/blobs/${digest}`, {}, 'HEAD');
      expect(status).toBe(shared.includes(digest) ? 200 : 403);
    }
    expect((await server.ask(`/v2/sharesb/blobs/sha256:${'0'.repeat(64)}`)).status).toBe(404);
    expect((await server.ask(`/v2/sharesb/manifests/sha256:${'0'.repeat(64)}`)).status).toBe(404);
    expect((await server.ask('/v2/sharesb/manifests/latest')).status).toBe(200);
  });

  it('lists in the catalog what is allowed, and tells no other name by where the next page begins', async () => {
    const state = {
      STORAGE_PATH: join(server.dir, 'catalog'),
      NIXERY_STATE_DIR: join(server.dir, 'catalogued'),
    };
    await server.start(state);
    const names = ['hello', 'hello/sharesa', 'hello/sharesb', 'sharesa', 'sharesb'];
    for (const name of names) {
      expect((await server.ask(`/v2/${name}/manifests/latest`)).status, name).toBe(200);
    }
    await server.stop();

    const file = await server.policy({ everyone: { deny: ['sharesA'] } });
    await server.start({ ...state, NIXERY_POLICY: file, NIXERY_CATALOG: '1' });
    const seen: string[] = [];
    let path: string | undefined = '/v2/_catalog?n=1';
    while (path !== undefined) {
      const page = await server.ask(path);
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
    const file = await server.policy({
      everyone: { allow: ['hello'] },
      users: { ci: { allow: ['**'] } },
    });
    await server.start({
      NIXERY_POLICY: file,
      NIXERY_HTPASSWD: join(server.dir, 'htpasswd'),
      NIXERY_TOKENS: join(server.dir, 'tokens'),
    });
    const alice = basic('alice', 's3cret-pass');
    expect((await server.ask('/v2/hello/manifests/latest', alice)).status).toBe(200);
    expect((await server.ask('/v2/sharesb/manifests/latest', alice)).status).toBe(403);
    expect((await server.ask('/v2/sharesb/manifests/latest', bearer)).status).toBe(200);
    await server.policy({ everyone: { allow: ['sharesB'] } });
    await vi.waitFor(async () => {
      expect((await server.ask('/v2/hello/manifests/latest', alice)).status).toBe(403);
    }, patient);
    expect((await server.ask('/v2/sharesb/manifests/latest', alice)).status).toBe(200);
  });

  it('needs none to refuse what only leads round', async () => {
    await server.start({});
    const response = await server.ask('/v2/pkgsstatic.hello/manifests/latest');
    expect(response.status).toBe(403);
    expect((await errorOf(response)).message).toContain('NIXERY_ALLOW_SETS=pkgsStatic');
    await server.stop();
    await server.start({ NIXERY_ALLOW_SETS: 'pkgsStatic' });
    expect((await server.ask('/v2/pkgsstatic.hello/manifests/latest')).status).toBe(404);
  });
});

describe('the pages of builds, where there are lists of packages', () => {
  it('are of those images that who looks may have', async () => {
    await server.start({
      NIXERY_POLICY: await server.policy({
        everyone: { allow: ['hello'] },
        users: { ci: { allow: ['**'] } },
      }),
      NIXERY_TOKENS: join(server.dir, 'tokens'),
      NIXERY_PAGE: 'public',
      STORAGE_PATH: join(server.dir, 'other-storage'),
      NIXERY_STATE_DIR: join(server.dir, 'other-state'),
    });
    expect((await server.ask('/v2/sharesb/manifests/latest', bearer)).status).toBe(200);
    expect((await server.ask('/v2/hello/manifests/latest', bearer)).status).toBe(200);
    // Builds whose log line is there have ended; each tells the id that its page has.
    await vi.waitFor(
      () => expect(server.log.match(/"msg":"build done"/g)).toHaveLength(2),
      patient,
    );
    const [secret = '', open = ''] = [
      ...server.log.matchAll(/"build":"([^"]+)".*"build started"/g),
    ].map(([, id = '']) => id);
    const list = await (await server.ask('/builds.json')).text();
    expect(list).toContain(open);
    expect(list).not.toContain(secret);
    expect(list).not.toContain('sharesb');
    expect(await (await server.ask('/builds')).text()).not.toContain('sharesb');
    for (const suffix of ['', '.json', '/events']) {
      expect((await server.ask(`/builds/${open}${suffix}`)).status, suffix).toBe(200);
      expect((await server.ask(`/builds/${secret}${suffix}`)).status, suffix).toBe(404);
    }
  });
});
