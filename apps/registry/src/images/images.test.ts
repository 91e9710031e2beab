import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

let dir: string;
let server: RunningServer | undefined;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-images-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
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

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`http://127.0.0.1:${server?.port}${path}`, init);
}

async function pull(name: string, init: RequestInit = {}): Promise<string> {
  const response = await ask(`/v2/${name}/manifests/latest`, init);
  expect(response.status).toBe(200);
  return String(response.headers.get('docker-content-digest'));
}

/** The page's text, without markup. */
async function pageOf(image: string): Promise<string> {
  const response = await ask(`/images/${image}`, { headers: { Accept: 'text/html' } });
  const html = await response.text();
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&#39;', "'");
}

describe("an image's page", () => {
  it('shows what is known of it, and builds nothing', async () => {
    await start();
    expect(await pageOf('hello/camelcase')).toContain('Not built yet: the first pull builds it.');
    expect(await (await ask('/builds.json')).json()).toEqual({ builds: [] });

    const digest = await pull('hello/camelcase');
    const page = await pageOf('camelcase/hello');
    expect(page).toContain(digest);
    expect(page).toContain('camelcase/ hello Built just now for linux/amd64. Pulled once since');
    expect(page).toContain('hello-2.12');
    expect(page).toMatch(/ MB in this one alone \(6 layers\)/);
  });

  it('counts pulls, not those who only look, and tells which other images have its layers', async () => {
    await start();
    await pull('hello');
    await pull('hello', { method: 'HEAD' });
    await pull('hello');
    await pull('hello/sharesa');
    const page = await pageOf('hello');
    expect(page).toContain('Pulled 2 times since');
    expect(page).toContain('also in hello/sharesa');
  });

  it('has a part for each platform of an index', async () => {
    await start({ NIXERY_PLATFORMS: 'linux/amd64,linux/arm64' });
    const index = await pull('hello', {
      headers: { Accept: 'application/vnd.oci.image.index.v1+json' },
    });
    const page = await pageOf('hello');
    expect(page).toContain(`OCI index ${index}`);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      expect(page).toContain(`Layers for ${platform}`);
      expect(page).toContain(`OCI image for ${platform} sha256:`);
    }
    expect(await pageOf('amd64/hello')).toContain('Layers 1');
  });

  it('tells of an image whose manifest the storage has lost', async () => {
    await start();
    const digest = await pull('hello/nested.inner.tool');
    await server?.stop();
    await unlink(join(dir, 'storage', 'layers', digest.slice('sha256:'.length)));
    await start();
    expect(await pageOf('hello/nested.inner.tool')).toContain('The storage has no manifest');
  });

  it('is refused where the image is, and names no image that is', async () => {
    await start();
    await pull('sharesa');
    await pull('sharesb');
    await server?.stop();
    const policy = join(dir, 'policy.json');
    await writeFile(policy, JSON.stringify({ everyone: { deny: ['sharesA'] } }));
    await start({ NIXERY_POLICY: policy });
    expect((await ask('/images/sharesa')).status).toBe(403);
    const page = await pageOf('sharesb');
    expect(page).not.toContain('sharesa');
    expect(page).toMatch(/also in [^<]*\d+ other/);
  });

  it('is an error for what is no name', async () => {
    await start();
    for (const name of ['Hello', 'hello//x', 'hello:', `${'a/'.repeat(200)}a`]) {
      expect((await ask(`/images/${name}`)).status, name).toBe(400);
    }
    expect((await ask('/images/')).status).toBe(404);
    expect(await pageOf('%3Cscript%3E')).toContain('This address cannot be read');
  });
});
