import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from '../testing/settings.ts';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

const indexSchema = z.object({
  manifests: z.array(
    z.object({ digest: z.string(), platform: z.object({ architecture: z.string() }) }),
  ),
});

let dir: string;
let server: RunningServer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-platforms-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  const { config } = readConfig({
    ...testSettings(dir),
    NIXERY_PLATFORMS: 'linux/arm64, linux/amd64',
    NIXERY_CATALOG: '1',
  });
  server = await startServer(config, pino({ level: 'silent' }));
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

async function get(path: string, accept = '*/*'): Promise<Response> {
  return await fetch(`http://${server.host}:${server.port}${path}`, { headers: { accept } });
}

async function typeOf(path: string, accept?: string): Promise<string | null> {
  const response = await get(path, accept);
  await response.arrayBuffer();
  return response.headers.get('content-type');
}

describe('a tag on a registry for several platforms', () => {
  const byTag = '/v2/hello/manifests/latest';

  it.each([
    ['*/*', OCI_INDEX],
    [`${OCI}, ${OCI_INDEX}, ${DOCKER}, ${DOCKER_LIST}`, OCI_INDEX],
    [`${DOCKER}, ${DOCKER_LIST}`, DOCKER_LIST],
    // Who knows no indexes gets the first platform's image.
    [`${OCI}, ${DOCKER}`, OCI],
    [DOCKER, DOCKER],
  ])('is answered to "Accept: %s" with %s', async (accept, type) => {
    expect(await typeOf(byTag, accept)).toBe(type);
  });

  it('leads to an image a platform, which is the one that has the platform in its name', async () => {
    const { manifests } = indexSchema.parse(await (await get(byTag)).json());
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
    for (const { digest, platform } of manifests) {
      const child = await get(`/v2/hello/manifests/${digest}`);
      expect([child.status, child.headers.get('content-type')]).toEqual([200, OCI]);
      await child.arrayBuffer();
      const named = await get(`/v2/${platform.architecture}/hello/manifests/latest`);
      expect(named.headers.get('docker-content-digest')).toBe(digest);
      await named.arrayBuffer();
    }
  });

  it('is got by the digest of its index, too', async () => {
    const digest = (await get(byTag)).headers.get('docker-content-digest') ?? '';
    expect(await typeOf(`/v2/hello/manifests/${digest}`)).toBe(OCI_INDEX);
  });

  it('is listed under the name that it was pulled by, also for who got an image in place of the index', async () => {
    expect(await typeOf('/v2/hello/manifests/v1')).toBe(OCI_INDEX);
    expect(await typeOf('/v2/hello/manifests/v2', DOCKER)).toBe(DOCKER);
    const answer = await get('/v2/hello/tags/list');
    expect(await answer.json()).toEqual({ name: 'hello', tags: ['latest', 'v1', 'v2'] });
  });

  it('is an image where the name chooses a platform', async () => {
    expect(await typeOf('/v2/amd64/hello/manifests/latest')).toBe(OCI);
  });

  it('is refused where a package is for one platform only, and served where all are', async () => {
    expect((await get('/v2/hello/onlyamd64/manifests/latest')).status).toBe(403);
    const alone = await get('/v2/onlyamd64/manifests/latest');
    const { manifests } = indexSchema.parse(await alone.json());
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64']);
  });
});

describe('the catalog', () => {
  it('lists what has been built, in lexical order, page by page', async () => {
    for (const name of ['sharesb', 'sharesa/hello', 'hello/sharesa/sharesa']) {
      expect((await get(`/v2/${name}/manifests/latest`)).status).toBe(200);
    }
    const seen: string[] = [];
    let path: string | undefined = '/v2/_catalog?n=2';
    for (let pages = 0; path !== undefined && pages < 10; pages++) {
      const answer: Response = await get(path);
      const { repositories } = z
        .object({ repositories: z.array(z.string()).max(2) })
        .parse(await answer.json());
      seen.push(...repositories);
      path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toEqual(
      expect.arrayContaining(['hello', 'arm64/hello', 'hello/sharesa', 'sharesb']),
    );
  });
});
