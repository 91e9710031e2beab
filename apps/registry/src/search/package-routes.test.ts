import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

const patient = { timeout: 60_000, interval: 50 };
const TOKEN = 'search-token-0123456789';

let dir: string;
let server: RunningServer | undefined;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-package-routes-'));
  await prepareTestPackages(join(dir, 'packages'));
  Object.assign(process.env, nixEnvironment());
  await writeFile(join(dir, 'tokens'), `ann:${TOKEN}\n`);
  await writeFile(
    join(dir, 'policy'),
    JSON.stringify({
      everyone: { deny: ['hello'] },
      users: { ann: { allow: ['linkedhello', 'hello'] } },
    }),
  );
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => rm(dir, { recursive: true }));

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { config } = readConfig({
    ...testSettings(dir),
    NIXERY_SEARCH: 'on',
    ...env,
  });
  server = await startServer(config, pino({ level: 'silent' }));
}

async function ask(query: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`http://127.0.0.1:${server?.port}/packages.json${query}`, { headers });
}

async function answerOnceReady(query: string, headers: Record<string, string> = {}) {
  return await vi.waitFor(async () => {
    const answer: unknown = await (await ask(query, headers)).json();
    expect(answer).toMatchObject({ state: 'ready' });
    return answer;
  }, patient);
}

describe('GET /packages.json', () => {
  it('finds packages of the set that images are made of', async () => {
    await start();
    expect(await answerOnceReady('?q=HELLO')).toMatchObject({
      packages: [
        { attribute: 'hello', version: '2.12', licence: 'GPL-3.0-or-later' },
        { attribute: 'linkedHello' },
      ],
      revision: null,
    });
    expect(await answerOnceReady('?q=unfree&limit=1')).toMatchObject({
      packages: [{ attribute: 'unfree', available: false, reason: 'unfree' }],
    });
    const { headers } = await ask('?q=hello');
    expect(headers.get('content-type')).toContain('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('takes any query for one, and bounds how much it answers', async () => {
    await start();
    await answerOnceReady('?q=t');
    for (const query of ['', '?q=', '?q=%00%22', '?q=a&q=b', '?q[x]=1', '?limit=-1', '?limit=x']) {
      expect((await ask(query)).status, query).toBe(200);
    }
    expect(await answerOnceReady('?q=t&limit=1')).toMatchObject({ packages: [expect.anything()] });
    expect(await answerOnceReady('?q=t&limit=0')).toMatchObject({ packages: [] });
  });

  it('finds for each who asks what they may pull', async () => {
    await start({
      NIXERY_TOKENS: join(dir, 'tokens'),
      NIXERY_POLICY: join(dir, 'policy'),
      NIXERY_PAGE: 'public',
    });
    // What is denied to everyone is so to whom a list allows it.
    const linked = { packages: [{ attribute: 'linkedHello' }] };
    expect(await answerOnceReady('?q=hello')).toMatchObject(linked);
    expect(await answerOnceReady('?q=unfree&limit=1')).toMatchObject({
      packages: [{ attribute: 'unfree' }],
    });
    await server?.stop();
    const ann = { Authorization: `Bearer ${TOKEN}` };
    await start({ NIXERY_TOKENS: join(dir, 'tokens'), NIXERY_POLICY: join(dir, 'policy') });
    expect(await answerOnceReady('?q=hello', ann)).toMatchObject(linked);
    expect(await answerOnceReady('?q=unfree', ann)).toMatchObject({ packages: [] });
  });

  it('is not there without a search, without pages, or without a login where one is wanted', async () => {
    await start({ NIXERY_SEARCH: 'off' });
    expect((await ask('?q=hello')).status).toBe(404);
    await server?.stop();
    await start({ NIXERY_PAGE: 'off' });
    expect((await ask('?q=hello')).status).toBe(404);
    await server?.stop();
    await start({ NIXERY_TOKENS: join(dir, 'tokens') });
    expect((await ask('?q=hello')).status).toBe(401);
    expect((await ask('?q=hello', { Authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });
});
