import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { faultOfAnswer } from './fault.ts';
import { askInOnePiece, askRaw, exchangeRaw } from './raw-http.ts';
import { type RegistryProcess, startRegistryProcess } from './registry-process.ts';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistryProcess(['v1']);
  await askRaw(registry.port, 'HEAD', '/v2/hello/manifests/latest?w=9');
});
afterAll(() => registry.stop());

const host = 'Host: registry.example\r\n';
const end = 'Connection: close\r\n\r\n';

describe('what is no request', () => {
  it.each([
    ['no method', `/v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['an unknown method', `BREW /v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['a method in lower case', `get /v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['a method without end', `${'A'.repeat(20_000)} /v2/ HTTP/1.1\r\n${host}${end}`, 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a greeting of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a version from elsewhere', `GET /v2/ HTTP/9.9\r\n${host}${end}`, 400],
    ['a space in the address', `GET /v2/hello world HTTP/1.1\r\n${host}${end}`, 400],
    ['a host in place of the address', `GET registry.example:80 HTTP/1.1\r\n${host}${end}`, 400],
    ['a header without a colon', `GET /v2/ HTTP/1.1\r\n${host}broken\r\n${end}`, 400],
    ['a header that goes on', `GET /v2/ HTTP/1.1\r\n${host}A: b\r\n c\r\n${end}`, 400],
    ['lines without carriage returns', 'GET /v2/ HTTP/1.1\nHost: h\nConnection: close\n\n', 400],
    ['no host', `GET /v2/ HTTP/1.1\r\n${end}`, 400],
    ['two hosts', `GET /v2/ HTTP/1.1\r\n${host}hOST: other.example\r\n${end}`, 400],
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
    ['a query beyond bounds', `GET /v2/?${'a'.repeat(20_000)} HTTP/1.1\r\n${host}${end}`, 431],
    [
      'a header beyond bounds',
      `GET /v2/ HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n${end}`,
      431,
    ],
    ['headers beyond number', `GET /v2/ HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(5000)}${end}`, 431],
  ])('%s: is answered as any error is, and the connection ends', async (_what, bytes, status) => {
    const answer = await exchangeRaw(registry.port, Buffer.from(bytes, 'latin1'));
    expect(answer?.status).toBe(status);
    expect(answer?.headers.get('connection')).toBe('close');
    expect(faultOfAnswer(answer, false)).toBeUndefined();
  });

  it('ends what is sent after a request, which has its answer', async () => {
    const bytes = `GET /v2/ HTTP/1.1\r\n${host}\r\nBREW /v2/ HTTP/1.1\r\n\r\n`;
    const answer = await exchangeRaw(registry.port, bytes);
    expect(answer?.status).toBe(200);
    expect(answer?.body.toString()).toBe('{}');
  });
});

describe('a wish for a tunnel', () => {
  it.each(['elsewhere.example:443', '127.0.0.1:80', 'registry.example:80'])(
    'CONNECT %s: is not supported, and nothing that follows is read',
    async (target) => {
      const bytes = `CONNECT ${target} HTTP/1.1\r\n${host}\r\nGET /v2/ HTTP/1.1\r\n${host}${end}`;
      const answer = await exchangeRaw(registry.port, bytes);
      expect(answer?.status).toBe(405);
      expect(answer?.headers.get('allow')).toBe('GET, HEAD');
      expect(faultOfAnswer(answer, false)).toBeUndefined();
    },
  );

  it('of a client that is gone at once harms nobody', async () => {
    const bytes = `CONNECT elsewhere.example:443 HTTP/1.1\r\n${host}\r\n${'x'.repeat(100_000)}`;
    await Promise.all(
      Array.from({ length: 20 }, () => exchangeRaw(registry.port, bytes, { end: true })),
    );
    expect((await askRaw(registry.port, 'GET', '/v2/')).status).toBe(200);
  });
});

describe('what is rare but right', () => {
  it.each([
    ['a whole address, as proxies send it', 'GET', 'http://registry.example/v2/', {}, 200],
    ['a whole address of TLS', 'GET', 'HTTPS://registry.example:443/v2/?ns=x', {}, 200],
    ['a whole address without a path', 'GET', 'http://registry.example', {}, 200],
    ['a whole address that is none', 'GET', 'ftp://registry.example/v2/', {}, 404],
    ['the server as a whole', 'OPTIONS', '*', {}, 404],
    ['an expectation that is met', 'PUT', '/v2/x/manifests/y', { Expect: '100-continue' }, 405],
    ['an expectation without a body', 'GET', '/v2/', { Expect: '100-continue' }, 200],
    ['an expectation of no meaning', 'GET', '/v2/', { Expect: 'the unexpected' }, 200],
    ['a method of others', 'PROPFIND', '/v2/', {}, 405],
    ['a method with a dash', 'M-SEARCH', '/v2/hello/manifests/latest', {}, 405],
    ['a query with a method of its own', 'QUERY', '/v2/hello/manifests/latest', {}, 405],
    ['an echo', 'TRACE', '/v2/hello/manifests/latest', { Cookie: 'secret' }, 405],
  ])('%s: is answered', async (_what, method, path, headers, status) => {
    const answer = await askRaw(registry.port, method, path, headers);
    expect(answer.status).toBe(status);
    expect(faultOfAnswer(answer, false)).toBeUndefined();
    expect(answer.body.toString()).not.toContain('secret');
  });

  it.each([
    ['without a host', `GET /v2/ HTTP/1.0\r\n\r\n`, '{}'],
    ['with HEAD', `HEAD /v2/ HTTP/1.0\r\n\r\n`, ''],
  ])('HTTP/1.0 %s: is answered in whole, without chunks', async (_what, bytes, body) => {
    const answer = await exchangeRaw(registry.port, bytes);
    expect(answer?.status).toBe(200);
    expect(answer?.headers.has('transfer-encoding')).toBe(false);
    expect(answer?.body.toString()).toBe(body);
  });

  it('HTTP/1.0 gets a manifest and a blob', async () => {
    const manifest = await exchangeRaw(
      registry.port,
      'GET /v2/hello/manifests/latest?w=9 HTTP/1.0\r\n\r\n',
    );
    expect(manifest?.status).toBe(200);
    const digest = /"digest":"(sha256:[0-9a-f]{64})"/.exec(manifest?.body.toString() ?? '')?.[1];
    const blob = await exchangeRaw(registry.port, `GET /v2/hello/blobs/${digest} HTTP/1.0\r\n\r\n`);
    expect(blob?.headers.get('content-length')).toBe(String(blob?.body.length));
    expect(blob?.headers.get('docker-content-digest')).toBe(digest);
  });

  it.each([
    ['chunks', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\n\r\n'],
    ['chunks and a trailer', { 'Transfer-Encoding': 'chunked' }, '3\r\nabc\r\n0\r\nX: y\r\n\r\n'],
    ['a length', { 'Content-Length': '28' }, 'GET /v2/nope HTTP/1.1\r\n\r\nabc'],
  ])('a body of a GET, in %s: is passed over', async (_what, headers, body) => {
    const answers = await askInOnePiece(registry.port, [
      { method: 'GET', path: '/v2/', headers, body },
      { method: 'GET', path: '/v2/hello/tags/list' },
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('chunks in HTTP/1.0, of which nobody between may know: end the connection, so that nothing hides behind them', async () => {
    const head =
      'POST /v2/ HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n';
    const hidden = `GET /v2/ HTTP/1.1\r\n${host}\r\n`;
    const answer = await exchangeRaw(registry.port, `${head}0\r\n\r\n${hidden}`);
    expect(answer?.status).toBe(405);
    expect(answer?.body.toString()).not.toContain('HTTP/1.1 200');
  });

  it.each(['websocket', 'h2c', 'TLS/1.0'])(
    'a wish for %s: is passed over, and the connection ends, so that nothing sent behind it waits',
    async (protocol) => {
      const headers = { Upgrade: protocol, Connection: 'Upgrade' };
      const [answer, ...others] = await askInOnePiece(registry.port, [
        { method: 'GET', path: '/v2/', headers },
        { method: 'GET', path: '/v2/' },
      ]);
      expect(answer?.status).toBe(200);
      expect(answer?.headers.get('connection')).toBe('close');
      expect(others).toEqual([]);
    },
  );
});
