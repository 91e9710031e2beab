import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadPopularity } from './popularity.ts';

const document = JSON.stringify({
  'glibc-2.40-66': 40_321,
  'glibc-2.40-66-bin': 12,
  jq: 3,
  '7zz-24': 5,
});

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-popularity-'));
});

afterEach(() => rm(dir, { recursive: true }));

async function file(content: string): Promise<string> {
  const path = join(dir, 'popularity.json');
  await writeFile(path, content);
  return pathToFileURL(path).href;
}

async function served<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  try {
    return await use(`http://127.0.0.1:${address.port}/popularity.json`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('loadPopularity', () => {
  test('reads a file, and names its content by digest', async () => {
    const popularity = await loadPopularity(await file(document));
    expect(popularity.get('glibc-2.40-66')).toBe(40_321);
    expect(popularity.digest).toBe(`sha256:${createHash('sha256').update(document).digest('hex')}`);
  });

  test('reads what a server answers, redirects followed', async () => {
    const popularity = await served(
      (request, response) => {
        if (request.url === '/moved.json') response.end(document);
        else response.writeHead(302, { location: '/moved.json' }).end();
      },
      (url) => loadPopularity(url),
    );
    expect(popularity.get('jq')).toBe(3);
  });

  test.each([
    ['glibc-2.41-1', 40_321],
    ['glibc', 40_321],
    ['glibc-2.41-1-bin', 12],
    ['jq-1.7', 3],
    ['7zz-25.01', 5],
    ['glibc-locales-2.40', undefined],
    ['__proto__', undefined],
  ])('knows %s by the name it had in another version', async (name, count) => {
    const popularity = await loadPopularity(await file(document));
    expect(popularity.get(name)).toBe(count);
  });

  test.each(['', '{', 'null', '[1]', '{"a":"1"}', '{"a":-1}', '{"a":0.5}', '{"a":{"b":1}}'])(
    'refuses %j',
    async (content) => {
      await expect(loadPopularity(await file(content))).rejects.toMatchObject({ code: 'invalid' });
    },
  );

  test('stops reading a document that is too large', async () => {
    const loading = served(
      (_request, response) => {
        response.on('drain', () => response.write('x'.repeat(65_536)));
        while (response.write('x'.repeat(65_536)));
      },
      (url) => loadPopularity(url, { maxBytes: 1_000_000 }),
    );
    await expect(loading).rejects.toMatchObject({ code: 'too-large' });
  });

  test('gives up on a server that does not answer in time', async () => {
    const loading = served(
      () => undefined,
      (url) => loadPopularity(url, { deadlineMs: 50 }),
    );
    await expect(loading).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('says what the server answered, without repeating secrets of the URL', async () => {
    const loading = served(
      (_request, response) => void response.writeHead(403).end(),
      (url) => loadPopularity(`${url}?token=secret`),
    );
    await expect(loading).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^answered 403: http:\/\/127\.0\.0\.1:\d+\/popularity\.json$/),
    });
  });

  test.each([
    ['file:///nowhere/popularity.json', 'unavailable'],
    ['http://127.0.0.1:1/popularity.json', 'unavailable'],
    ['ftp://localhost/popularity.json', 'unsupported-url'],
    ['popularity.json', 'unsupported-url'],
  ])('fails for %s: %s', async (url, code) => {
    await expect(loadPopularity(url)).rejects.toMatchObject({ name: 'PopularityError', code });
  });
});
