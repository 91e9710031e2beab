import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from './config.ts';
import { type RunningServer, startServer } from './server.ts';
import { testSettings } from './testing/settings.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';
const ABSENT = `sha256:${'0'.repeat(64)}`;

let dir: string;
let server: RunningServer;
let settings: NodeJS.ProcessEnv;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-registry-'));
  await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
  Object.assign(process.env, nixEnvironment());
  settings = {
    ...testSettings(dir),
    NIXERY_HOLD_SECONDS: '1',
    NIX_TIMEOUT: '30',
  };
  server = await startServer(readConfig(settings).config, pino({ level: 'silent' }));
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

interface Question {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A request as it is written, without what fetch adds or mends. */
function askOnce(path: string, { method = 'GET', headers = {} }: Question = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: server.host, port: server.port, path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0 } = response;
          resolve({ status: statusCode, headers: response.headers, body: Buffer.concat(chunks) });
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

/** The same, sent on as every client is while an image is built. */
async function ask(path: string, question: Question = {}): Promise<Answer> {
  let answer = await askOnce(path, question);
  for (let hop = 1; answer.status === 307 && hop <= 9; hop++) {
    answer = await askOnce(path.split('?')[0] + String(answer.headers.location), question);
  }
  return answer;
}

const errorSchema = z.object({
  errors: z.tuple([z.object({ code: z.string(), message: z.string() })]),
});
const manifestSchema = z.object({
  mediaType: z.string(),
  config: z.object({ digest: z.string(), size: z.number() }),
  layers: z.array(z.object({ digest: z.string(), size: z.number(), mediaType: z.string() })).min(1),
});

function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString('utf8'));
}
function errorOf(answer: Answer) {
  return errorSchema.parse(json(answer)).errors[0];
}

describe('an image asked for by tag', () => {
  it('is answered with its manifest, whose digest leads to the same', async () => {
    const byTag = await ask('/v2/hello/manifests/latest');
    expect(byTag.status).toBe(200);
    expect(byTag.headers).toMatchObject({
      'content-type': OCI,
      'content-length': String(byTag.body.length),
      vary: 'Accept',
      'docker-distribution-api-version': 'registry/2.0',
    });
    const digest = String(byTag.headers['docker-content-digest']);
    expect(byTag.headers.etag).toBe(`"${digest}"`);

    const byDigest = await ask(`/v2/hello/manifests/${digest}`);
    expect(byDigest.status).toBe(200);
    expect(byDigest.body).toEqual(byTag.body);
    expect(byDigest.headers['content-type']).toBe(OCI);
  });

  it('is answered to HEAD with the same headers and no body', async () => {
    const get = await ask('/v2/hello/manifests/latest');
    const head = await ask('/v2/hello/manifests/latest', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    for (const name of ['content-type', 'content-length', 'docker-content-digest', 'etag']) {
      expect(head.headers[name]).toBe(get.headers[name]);
    }
  });

  it('is not sent again to a client that has it', async () => {
    const { headers } = await ask('/v2/hello/manifests/latest');
    const again = await ask('/v2/hello/manifests/latest', {
      headers: { 'If-None-Match': `W/"other", ${headers.etag}` },
    });
    expect(again.status).toBe(304);
    expect(again.body).toHaveLength(0);
  });

  it('comes in the Docker form to a client that takes only that, with the same layers', async () => {
    const oci = manifestSchema.parse(json(await ask('/v2/hello/manifests/latest')));
    const answer = await ask('/v2/hello/manifests/latest', { headers: { Accept: DOCKER } });
    expect(answer.headers['content-type']).toBe(DOCKER);
    const docker = manifestSchema.parse(json(answer));
    expect(docker.mediaType).toBe(DOCKER);
    expect(docker.config.digest).toBe(oci.config.digest);
    expect(docker.layers.map(({ digest }) => digest)).toEqual(
      oci.layers.map(({ digest }) => digest),
    );
  });

  it('that takes long to build sends the client round, and round again, to one build', async () => {
    const path = '/v2/slow3/manifests/latest';
    const first = await askOnce(`${path}?ns=docker.io`, { method: 'HEAD' });
    expect(first.status).toBe(307);
    expect(first.headers).toMatchObject({
      location: '?ns=docker.io&w=1',
      'cache-control': 'no-store',
    });
    const second = await askOnce(`${path}${String(first.headers.location)}`);
    expect(second.headers.location).toBe('?ns=docker.io&w=2');
    expect((await ask(path)).status).toBe(200);
  });

  it('is listed among the tags of every spelling of its name', async () => {
    await ask('/v2/sharesa/hello/manifests/v7');
    expect(json(await ask('/v2/hello/sharesa/tags/list'))).toEqual({
      name: 'hello/sharesa',
      tags: ['latest', 'v7'],
    });
    expect(json(await ask('/v2/never/pulled/tags/list'))).toEqual({
      name: 'never/pulled',
      tags: ['latest'],
    });
  });
});

describe('a blob', () => {
  let path: string;
  let digest: string;
  let size: number;
  beforeAll(async () => {
    const manifest = manifestSchema.parse(json(await ask('/v2/hello/manifests/latest')));
    const layer = manifest.layers[0];
    digest = layer?.digest ?? '';
    size = layer?.size ?? 0;
    path = `/v2/hello/blobs/${digest}`;
  });

  it('is sent whole', async () => {
    const { status, headers, body } = await ask(path);
    expect(status).toBe(200);
    expect(body).toHaveLength(size);
    expect(headers).toMatchObject({
      'docker-content-digest': digest,
      'content-length': String(size),
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=31536000, immutable',
    });
  });

  it('is described to HEAD', async () => {
    const { status, headers, body } = await ask(path, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers['content-length']).toBe(String(size));
    expect(body).toHaveLength(0);
  });

  it('is sent in part', async () => {
    const whole = (await ask(path)).body;
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      ['bytes=-7', size - 7, size],
      [`bytes=${size - 3}-`, size - 3, size],
      [`bytes=${size - 3}-999999999999`, size - 3, size],
    ] as const) {
      const { status, headers, body } = await ask(path, { headers: { Range: range } });
      expect(status).toBe(206);
      expect(body).toEqual(whole.subarray(from, to));
      expect(headers['content-range']).toBe(`bytes ${from}-${to - 1}/${size}`);
    }
  });

  it('is sent whole where the range is for another version of it', async () => {
    const headers = { Range: 'bytes=0-0', 'If-Range': '"another"' };
    expect((await ask(path, { headers })).status).toBe(200);
  });

  it('has no part beyond its end', async () => {
    const answer = await ask(path, { headers: { Range: `bytes=${size}-` } });
    expect(answer.status).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${size}`);
  });

  it('is not sent again to a client that has it', async () => {
    const { status } = await ask(path, { headers: { 'If-None-Match': `"${digest}"` } });
    expect(status).toBe(304);
  });
});

describe('what cannot be served', () => {
  it.each([
    [
      'GET',
      '/v2/helo/manifests/latest',
      404,
      'MANIFEST_UNKNOWN',
      /"helo" was not found; did you mean hello\?/,
    ],
    [
      'GET',
      '/v2/afunction/manifests/latest',
      404,
      'MANIFEST_UNKNOWN',
      /not a package but a function/,
    ],
    ['GET', '/v2/nested/manifests/latest', 404, 'MANIFEST_UNKNOWN', /is a set, not a package/],
    [
      'GET',
      '/v2/renamed/manifests/latest',
      404,
      'MANIFEST_UNKNOWN',
      /renamed to\/replaced by 'hello'/,
    ],
    ['GET', '/v2/unfree/manifests/latest', 403, 'DENIED', /is unfree .* NIXPKGS_ALLOW_UNFREE=1/],
    ['GET', '/v2/broken/manifests/latest', 403, 'DENIED', /is broken.* NIXPKGS_ALLOW_BROKEN=1/],
    [
      'GET',
      '/v2/failing/manifests/latest',
      422,
      'MANIFEST_INVALID',
      /building failing.*the end of its log/s,
    ],
    ['GET', '/v2/whiteout/manifests/latest', 422, 'MANIFEST_INVALID', /\.wh\./],
    ['GET', '/v2/Hello/manifests/latest', 400, 'NAME_INVALID', /"Hello" is not allowed/],
    ['GET', '/v2/hello//git/manifests/latest', 400, 'NAME_INVALID', /empty part/],
    ['GET', '/v2/a%2fb/manifests/latest', 400, 'NAME_INVALID', /not allowed/],
    ['GET', '/v2/../manifests/latest', 400, 'NAME_INVALID', /not allowed/],
    ['GET', `/v2/${'a'.repeat(256)}/manifests/latest`, 400, 'NAME_INVALID', /limit is 255/],
    [
      'GET',
      `/v2/${Array.from({ length: 65 }, (_, i) => `p${i}`).join('/')}/manifests/latest`,
      400,
      'NAME_INVALID',
      /limit is 64/,
    ],
    ['GET', '/v2/hello/manifests/.tag', 400, 'NAME_INVALID', /invalid tag/],
    ['GET', `/v2/hello/manifests/${'t'.repeat(129)}`, 400, 'NAME_INVALID', /invalid tag/],
    ['GET', '/v2/hello/manifests/sha256:abc', 400, 'DIGEST_INVALID', /invalid digest/],
    ['GET', `/v2/hello/manifests/${ABSENT}`, 404, 'MANIFEST_UNKNOWN', /not in this registry/],
    [
      'GET',
      `/v2/hello/manifests/sha512:${'0'.repeat(128)}`,
      404,
      'MANIFEST_UNKNOWN',
      /not in this registry/,
    ],
    ['GET', `/v2/hello/blobs/${ABSENT}`, 404, 'BLOB_UNKNOWN', /not in this registry/],
    ['GET', '/v2/hello/blobs/sha256:xyz', 400, 'DIGEST_INVALID', /invalid digest/],
    ['GET', '/v2/hello/blobs/md5', 400, 'DIGEST_INVALID', /invalid digest/],
    ['GET', `/v2/Hello/blobs/${ABSENT}`, 400, 'NAME_INVALID', /not allowed/],
    ['GET', '/v2/hello/tags', 404, 'NAME_UNKNOWN', /no such address/],
    ['GET', '/nothing', 404, 'NAME_UNKNOWN', /no such address/],
    ['POST', '/v2/hello/blobs/uploads/', 405, 'UNSUPPORTED', /on demand/],
    ['PUT', '/v2/hello/manifests/latest', 405, 'UNSUPPORTED', /on demand/],
    ['DELETE', `/v2/hello/manifests/${ABSENT}`, 405, 'UNSUPPORTED', /on demand/],
    ['PATCH', '/v2/', 405, 'UNSUPPORTED', /on demand/],
  ])('%s %s is answered %i %s', async (method, path, status, code, message) => {
    const answer = await ask(path, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    const error = errorOf(answer);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('is a manifest in a form that the client does not take', async () => {
    const answer = await ask('/v2/hello/manifests/latest', { headers: { Accept: 'text/html' } });
    expect(answer.status).toBe(404);
    expect(errorOf(answer).code).toBe('MANIFEST_UNKNOWN');
  });

  it('is answered to HEAD without a body', async () => {
    const answer = await ask(`/v2/hello/blobs/${ABSENT}`, { method: 'HEAD' });
    expect(answer.status).toBe(404);
    expect(answer.body).toHaveLength(0);
  });
});

describe('a server that cannot listen', () => {
  it('gives up all that it had begun with', async () => {
    const taken = { ...settings, PORT: String(server.port), NIXERY_STATE_DIR: join(dir, 'second') };
    const logger = pino({ level: 'silent' });
    await expect(startServer(readConfig(taken).config, logger)).rejects.toThrow('EADDRINUSE');
    // Its folder is no server's, so another one can have it.
    const second = await startServer(readConfig({ ...taken, PORT: '0' }).config, logger);
    expect(second.port).not.toBe(server.port);
    await second.stop();
  });
});

describe('the server', () => {
  it('says which version of the API it speaks', async () => {
    const { status, headers, body } = await ask('/v2/');
    expect([status, body.toString()]).toEqual([200, '{}']);
    expect(headers['docker-distribution-api-version']).toBe('registry/2.0');
  });

  it('is healthy', async () => {
    expect(json(await ask('/healthz'))).toEqual({ status: 'ok' });
  });

  it('has one spelling for each address, which is the one that a proxy in front refuses', async () => {
    expect((await ask('/metrics')).status).toBe(200);
    for (const path of ['/Metrics', '/metrics/', '/METRICS', '/Healthz', '/healthz/', '/Builds']) {
      expect((await ask(path)).status, path).toBe(404);
    }
  });

  it('is ready, with all that it needs', async () => {
    const answer = await ask('/readyz');
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({
      ready: true,
      checks: { storage: { status: 'ok' }, cache: { status: 'ok' }, nix: { status: 'ok' } },
    });
  });

  it('keeps a request id that is given, and makes one where none is, or a strange one', async () => {
    const given = await ask('/v2/', { headers: { 'X-Request-Id': 'abc-123' } });
    expect(given.headers['x-request-id']).toBe('abc-123');
    const strange = await ask('/v2/', { headers: { 'X-Request-Id': 'a b"c' } });
    expect(strange.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('shows a page that loads nothing from elsewhere', async () => {
    const { headers, body } = await ask('/');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(body.toString()).toContain(`docker pull 127.0.0.1:${server.port}/`);
  });

  it('answers a browser that has gone astray with a page, and everything else as a registry does', async () => {
    const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const lost = await ask('/no/such/page', { headers: browser });
    expect(lost.status).toBe(404);
    expect(lost.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(lost.headers['content-security-policy']).toContain("default-src 'none'");
    expect(lost.body.toString()).toContain('<h1>There is nothing here</h1>');
    const malformed = await ask('/builds/%ff', { headers: browser });
    expect(malformed.body.toString()).toContain('<h1>This address cannot be read</h1>');

    for (const [path, accept] of [
      ['/no/such/page', '*/*'],
      ['/v2/no/such/page', browser.Accept],
    ] as const) {
      const { body, headers, status } = await ask(path, { headers: { Accept: accept } });
      expect(status).toBe(404);
      expect(headers['content-type']).toBe('application/json');
      expect(body.toString()).toContain('NAME_UNKNOWN');
    }
  });
});
