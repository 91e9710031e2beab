import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { ERROR_CODES } from './case.ts';
import { askRaw, exchangeRaw, type RawAnswer } from './raw-http.ts';
import { type RegistryProcess, startRegistryProcess } from './registry-process.ts';

// Hundreds of connections, on a machine that may be busy.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** In a file beside the storage: no answer may hold it. */
const SECRET = 'secret-5f0c1d';

const errorSchema = z.object({
  errors: z.array(z.object({ code: z.enum(ERROR_CODES), message: z.string().min(1) })).min(1),
});

let registry: RegistryProcess;
let folders: readonly string[];
beforeAll(async () => {
  registry = await startRegistryProcess(['v1']);
  await writeFile(join(registry.dir, 'secret'), SECRET);
  for (const name of ['hello', 'arm64/hello']) {
    await askRaw(registry.port, 'HEAD', `/v2/${name}/manifests/latest?w=9`);
  }
  folders = await readdir(registry.dir);
});
afterAll(async () => {
  await registry.stop();
});

/** What is wrong with an answer; none at all, to what is no request, is right. */
function faultOf(answer: RawAnswer | null, isHead = false): string | undefined {
  if (answer === null) return undefined;
  const { body, headers, status } = answer;
  if (status >= 500) return `status ${status}`;
  if (body.includes(SECRET)) return 'a file beside the storage';
  if (status < 400 || isHead) return undefined;
  if (headers.get('content-type') !== 'application/json') return 'an error that is no JSON';
  return errorSchema.safeParse(JSON.parse(body.toString('utf8'))).error?.message;
}

// Few names that could be packages, since each of them is evaluated.
const segment = fc.oneof(
  fc.constantFrom('hello', 'nope', 'arm64', 'manifests', 'blobs', 'tags', 'list', 'referrers'),
  fc.constantFrom('_catalog', 'latest', 'v1', 'uploads', 'v2', '', '.', '..', '~', '*', '@'),
  fc.constantFrom('%2e%2e', '..%2f..', '%2f', '%5c', '%00', '%', '%zz', '%c0%ae%c0%ae', '%25', ';'),
  fc.constantFrom('sha256:', 'sha256%3a', `sha256:${'0'.repeat(64)}`, 'sha256:../../../secret'),
  fc.constantFrom(`sha512:${'0'.repeat(128)}`, 'secret', '..\\secret', 'a'.repeat(300), '-', 'A'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => encodeURI(text.toWellFormed())),
);
const target = fc
  .tuple(
    fc.constantFrom(
      '/v2/',
      '/v2',
      '/',
      '//v2/',
      '/v2/../',
      '/v2/hello/',
      'http://other.example/v2/',
    ),
    fc.array(segment, { maxLength: 6 }),
    fc.constantFrom('', '', '?', '?n=1', '?n=-1', '?last=%00', '?w=9', '?w=1&w=2', '?%', '?ns=x#f'),
  )
  .map(([start, segments, query]) => start + segments.join('/') + query)
  // The parser knows no spaces in an address, and ends it there.
  .map((text) => text.replace(/[\s\0]/g, ''));
const method = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('GET', 'HEAD') },
  fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'),
);
const headerValue = fc.oneof(
  fc.constantFrom('*/*', '*', 'W/"x"', ',,,', ';q=0', 'bytes=0-', 'bytes=-0', '""', '', '%00'),
  fc.constantFrom(
    'application/vnd.oci.image.manifest.v1+json;;q=x',
    'bytes=9-1,2-',
    'a'.repeat(4000),
  ),
  fc.stringMatching(/^[\x21-\x7e\xa0-\xff]{0,40}$/),
);
const header = fc.tuple(
  fc.constantFrom(
    ...['Accept', 'Range', 'If-Range', 'If-None-Match', 'Authorization', 'X-Request-Id', 'Cookie'],
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'Expect', 'Content-Type', 'Accept-Encoding', 'TE'],
  ),
  headerValue,
);

describe('whatever is asked', () => {
  it('in whatever way an address and headers are put together, the answer is no fault of ours', async () => {
    const request = fc.record({ method, target, headers: fc.array(header, { maxLength: 4 }) });
    await fc.assert(
      fc.asyncProperty(request, async ({ headers, method, target }) => {
        const answer = await askRaw(registry.port, method, target, Object.fromEntries(headers));
        expect(faultOf(answer, method === 'HEAD')).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('even if it is no HTTP at all, the connection ends, with an answer that is ours or none', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ maxLength: 300 }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        const answer = await exchangeRaw(registry.port, Buffer.from(bytes), { end: true });
        expect(faultOf(answer)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('with any byte of a request changed, left out or doubled, the same', async () => {
    const valid = Buffer.from(
      'GET /v2/hello/manifests/latest HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nRange: bytes=0-1\r\n\r\n',
    );
    const change = fc.record({
      at: fc.nat({ max: valid.length - 1 }),
      removed: fc.nat({ max: 3 }),
      added: fc.uint8Array({ maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ added, at, removed }) => {
        const bytes = Buffer.concat([valid.subarray(0, at), added, valid.subarray(at + removed)]);
        const answer = await exchangeRaw(registry.port, bytes, { end: true });
        expect(faultOf(answer)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('what the parser refuses', () => {
  const host = 'Host: registry.example\r\n';
  const end = 'Connection: close\r\n\r\n';
  it.each([
    ['no method', `/v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['an unknown method', `BREW /v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['a version from elsewhere', `GET /v2/ HTTP/9.9\r\n${host}${end}`, 400],
    ['a space in the address', `GET /v2/hello world HTTP/1.1\r\n${host}${end}`, 400],
    ['a header without a colon', `GET /v2/ HTTP/1.1\r\n${host}broken\r\n${end}`, 400],
    ['no host', `GET /v2/ HTTP/1.1\r\n${end}`, 400],
    [
      'two lengths',
      `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n${end}`,
      400,
    ],
    [
      'a length and chunks',
      `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n${end}`,
      400,
    ],
    ['an address beyond bounds', `GET /v2/${'a'.repeat(20_000)} HTTP/1.1\r\n${host}${end}`, 431],
    [
      'headers beyond bounds',
      `GET /v2/ HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n${end}`,
      431,
    ],
  ])('%s: is answered as any error is', async (_what, bytes, status) => {
    const answer = await exchangeRaw(registry.port, bytes);
    expect(answer?.status).toBe(status);
    expect(faultOf(answer)).toBeUndefined();
  });
});

describe('what is rare but right', () => {
  it.each([
    ['a whole address, as proxies send it', 'GET', 'http://registry.example/v2/', {}, 200],
    ['an expectation that is met', 'PUT', '/v2/x/manifests/y', { Expect: '100-continue' }, 405],
    ['an expectation of no meaning', 'GET', '/v2/', { Expect: 'the unexpected' }, 200],
    [
      'a wish for another protocol',
      'GET',
      '/v2/',
      { Upgrade: 'h2c', Connection: 'Upgrade, close' },
      200,
    ],
  ])('%s: is answered', async (_what, method, path, headers, status) => {
    const answer = await askRaw(registry.port, method, path, headers);
    expect(answer.status).toBe(status);
    expect(faultOf(answer)).toBeUndefined();
  });

  it('a client of HTTP/1.0, which names no host: is answered', async () => {
    const answer = await exchangeRaw(registry.port, 'GET /v2/ HTTP/1.0\r\n\r\n');
    expect(answer?.status).toBe(200);
  });
});

describe('after all that', () => {
  it('the registry serves, and has made nothing beside its folders', async () => {
    expect((await askRaw(registry.port, 'GET', '/v2/hello/manifests/v1?w=9')).status).toBe(200);
    expect(await readdir(registry.dir)).toEqual(folders);
  });
});
