import { createServer, request } from 'node:http';
import { once } from 'node:events';

import { expect, it } from 'vitest';

import { type Place, placeOf } from './place.ts';

async function placeUnder(host: string): Promise<Place> {
  const { promise, resolve } = Promise.withResolvers<Place>();
  const server = createServer((received, response) => {
    response.end();
    resolve(placeOf(received));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const sent = request({ host: '127.0.0.1', port, headers: { Host: host }, agent: false }).end();
  const place = await promise;
  await once(sent, 'close');
  server.close();
  return place;
}

it.each([
  ['registry.example:5000', 'registry.example:5000', false],
  ['[::1]:8080', '[::1]:8080', true],
  ['localhost', 'localhost', true],
  ['127.0.0.1:80', '127.0.0.1:80', true],
  ['<script>', 'HOST', false],
  ['host:port', 'HOST', false],
  ['a"b', 'HOST', false],
])('a registry asked as %s is %s', async (header, host, isPlain) => {
  expect(await placeUnder(header)).toEqual({ host, isPlain });
});
