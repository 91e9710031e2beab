import { describe, expect, it, vi } from 'vitest';

import { errorOf, patient, useAccessServer } from '../testing/access-server.ts';

const server = useAccessServer();

describe('a server with limits', () => {
  it('counts requests by the address that a trusted proxy tells', async () => {
    await server.start({ NIXERY_CLIENT_REQUESTS: '3', NIXERY_TRUSTED_PROXIES: '127.0.0.0/8' });
    const a = { 'X-Forwarded-For': '198.51.100.1' };
    for (let i = 0; i < 3; i++) expect((await server.ask('/v2/', a)).status).toBe(200);
    const refused = await server.ask('/v2/', a);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await errorOf(refused)).toMatchObject({ code: 'TOOMANYREQUESTS' });
    expect((await server.ask('/v2/', { 'X-Forwarded-For': '198.51.100.2' })).status).toBe(200);
    expect((await server.ask('/v2/', { Forwarded: 'for=198.51.100.3' })).status).toBe(200);
    for (let i = 0; i < 10; i++) expect((await server.ask('/healthz', a)).status).toBe(200);
    await vi.waitFor(() => expect(server.log).toContain('"client":"198.51.100.3"'), patient);
  });

  it('does not believe what others tell of their address', async () => {
    await server.start({ NIXERY_CLIENT_REQUESTS: '2', NIXERY_TRUSTED_PROXIES: '192.0.2.0/24' });
    const statuses = [];
    for (const host of [1, 2, 3]) {
      statuses.push((await server.ask('/v2/', { 'X-Forwarded-For': `198.51.100.${host}` })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    await vi.waitFor(
      () => expect(server.log.match(/"client":"127.0.0.1"/g)).toHaveLength(3),
      patient,
    );
  });

  it('counts who looks at pages that are open to everybody, and no probes', async () => {
    await server.start({ NIXERY_CLIENT_REQUESTS: '3', NIXERY_PAGE: 'public', NIXERY_SEARCH: 'on' });
    const statuses = [];
    for (const path of ['/', '/builds', '/packages.json?q=git', '/', '/packages.json?q=git']) {
      statuses.push((await server.ask(path)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    for (let i = 0; i < 5; i++) expect((await server.ask('/healthz')).status).toBe(200);
  });

  it('counts the builds that run for each client', async () => {
    await server.start({
      NIXERY_CLIENT_BUILDS: '1',
      NIXERY_TRUSTED_PROXIES: '127.0.0.1',
      NIXERY_HOLD_SECONDS: '1',
    });
    const a = { 'X-Forwarded-For': '198.51.100.1' };
    const first = server.ask('/v2/slow3/manifests/latest', a);
    await vi.waitFor(() => expect(server.log).toContain('build started'), patient);
    const refused = await server.ask('/v2/slow2/manifests/latest', a);
    expect(refused.status).toBe(429);
    expect((await errorOf(refused)).message).toContain('1 images are being built for you');
    expect((await first).status).toBe(200);
    expect((await server.ask('/v2/slow2/manifests/latest', a)).status).toBe(200);
  });
});

describe('the log', () => {
  it('says where a request came from whose client did not wait for the answer', async () => {
    await server.start({});
    const patience = new AbortController();
    const asked = fetch(`http://127.0.0.1:${server.port}/v2/slow8/manifests/latest`, {
      signal: patience.signal,
    });
    await vi.waitFor(() => expect(server.log).toContain('build started'), patient);
    patience.abort();
    await expect(asked).rejects.toThrow('aborted');
    await vi.waitFor(() => expect(server.log).toContain('"aborted":true'), patient);
    const line = server.log.split('\n').find((text) => text.includes('"aborted":true'));
    expect(line).toContain('"client":"127.0.0.1"');
  });
});

describe('a server that builds nothing', () => {
  it('says so of what it cannot get', async () => {
    await server.start({ NIXERY_BUILD: 'substitutes-only' });
    const refused = await server.ask('/v2/slow1/manifests/latest');
    expect(refused.status).toBe(403);
    const { code, message } = await errorOf(refused);
    expect(code).toBe('DENIED');
    expect(message).toMatch(/NIXERY_BUILD=substitutes-only.*slow1-1\.0/);
  });
});
