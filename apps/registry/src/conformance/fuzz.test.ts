import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { faultOfAnswer } from './fault.ts';
import { askInOnePiece, askRaw, exchangeRaw, type RawAnswer } from './raw-http.ts';
import { type RegistryProcess, startRegistryProcess } from './registry-process.ts';

// Hundreds of connections, on a machine that may be busy.
const isLong = process.env['NIXERY_TEST_RUNS'] !== undefined;
if (isLong) vi.setConfig({ testTimeout: 3_600_000 });

const patient = { timeout: 30_000 };

/** In a file beside the storage: no answer may hold it. */
const SECRET = 'secret-5f0c1d';

const chunked = { headers: { 'Transfer-Encoding': 'chunked' }, body: '3\r\nabc\r\n0\r\n\r\n' };
const sized = { headers: { 'Content-Length': '20' }, body: 'GET / HTTP/1.1\r\nX: y' };

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

function faultOf(answer: RawAnswer | null, isHead = false): string | undefined {
  if (answer?.body.includes(SECRET)) return 'a file beside the storage';
  return faultOfAnswer(answer, isHead);
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
/** The same over and over, as long as an address can be: what is looked through must not take longer than it is long. */
const repeated = fc
  .tuple(
    fc.array(fc.constantFrom('?', 'key', 'token', '&', '=', ';', '//', '@', '.', '-', 'a', 'A'), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.nat({ max: 12_000 }),
  )
  .map(([parts, length]) => {
    const text = parts.join('');
    return text.repeat(length / text.length);
  });
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
    fc.oneof(
      fc.constantFrom(
        '',
        '',
        '?',
        '?n=1',
        '?n=-1',
        '?last=%00',
        '?w=9',
        '?w=1&w=2',
        '?%',
        '?ns=x#f',
      ),
      fc.array(repeated, { minLength: 1, maxLength: 2 }).map((parts) => `?${parts.join('')}`),
    ),
  )
  .map(([start, segments, query]) => start + segments.join('/') + query)
  // The parser knows no spaces in an address, and ends it there.
  .map((text) => text.replace(/[\s\0]/g, ''));
const method = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('GET', 'HEAD') },
  fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'),
  fc.constantFrom('CONNECT', 'PRI', 'M-SEARCH', 'QUERY', 'get', 'G'.repeat(5000)),
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
    ...[
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'Expect',
      'Content-Type',
      'Accept-Encoding',
      'TE',
      'Upgrade',
    ],
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
      { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 500) },
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
      { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 200) },
    );
  });

  it('with any byte of a request changed, left out or doubled, the same', async () => {
    const valid = Buffer.from(
      'GET /v2/hello/manifests/latest HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nRange: bytes=0-1\r\n\r\n',
    );
    await expect
      .poll(async () => (await exchangeRaw(registry.port, valid, { end: true }))?.status, patient)
      .toBe(200);
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
      { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 300) },
    );
  });
});

describe('several requests in one piece', () => {
  it('are each answered, in their order, whatever they are', async () => {
    const request = fc.constantFrom(
      { status: 200, method: 'GET', path: '/v2/' },
      { status: 200, method: 'HEAD', path: '/v2/hello/manifests/latest' },
      { status: 200, method: 'GET', path: '/v2/hello/tags/list', headers: { Expect: 'x' } },
      { status: 404, method: 'GET', path: '/v2/nope' },
      { status: 404, method: 'HEAD', path: `/v2/hello/blobs/sha256:${'0'.repeat(64)}` },
      { status: 400, method: 'GET', path: '/v2/hello/blobs/x' },
      { ...chunked, status: 200, method: 'GET', path: '/v2/' },
      { ...chunked, status: 405, method: 'PUT', path: '/v2/hello/manifests/latest' },
      { ...sized, status: 405, method: 'POST', path: '/v2/hello/blobs/uploads/' },
      { ...sized, status: 200, method: 'GET', path: '/healthz' },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
        const answers = await askInOnePiece(registry.port, requests);
        expect(answers.map(({ status }) => status)).toEqual(requests.map(({ status }) => status));
        for (const [index, answer] of answers.entries()) {
          expect(faultOf(answer, requests[index]?.method === 'HEAD')).toBeUndefined();
        }
      }),
      { numRuns: Number(process.env['NIXERY_TEST_RUNS'] ?? 100) },
    );
  });
});

describe('after all that', () => {
  it('the registry serves, and has made nothing beside its folders', async () => {
    expect((await askRaw(registry.port, 'GET', '/v2/hello/manifests/v1?w=9')).status).toBe(200);
    expect(await readdir(registry.dir)).toEqual(folders);
  });
});
