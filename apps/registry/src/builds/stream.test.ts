import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

import { Build, BuildError, parseImageName } from '@nixery/builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { BuildJournal } from './journal.ts';
import { BuildStreams } from './stream.ts';

let journal: BuildJournal;
let streams: BuildStreams;
let server: Server;
let port: number;
/** Answers that have gone wrong. */
let errors: unknown[];
/** Answers, in the order they were asked for. */
let responses: ServerResponse[];
let clients: Socket[];

beforeEach(async () => {
  journal = new BuildJournal();
  streams = new BuildStreams({ journal, render: ({ state }) => state, heartbeatMs: 20 });
  errors = [];
  responses = [];
  clients = [];
  server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  ({ port } = address);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  streams.stop();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** `/<id>` is the stream of a build. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  responses.push(response);
  response.on('error', (error) => errors.push(error));
  streams.serve(request, response, (request.url ?? '').slice(1), 0);
}

function begin(): Build {
  const build = new Build(parseImageName('git', 'latest'), 'request');
  journal.note({ type: 'started', build });
  return build;
}
function end(build: Build): void {
  journal.note({ type: 'failed', build, error: new BuildError('timeout', 'too long') });
}

/** Sends requests in one piece on one connection. @returns what has been answered by now */
function ask(...requests: readonly string[]): () => string {
  const client = connect(port, '127.0.0.1');
  clients.push(client);
  let answer = '';
  client.setEncoding('utf8').on('data', (text: string) => (answer += text));
  client.write(requests.map((request) => `${request} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  return () => answer;
}

describe('a stream of a build', () => {
  it('ends with the build, and takes no more of the server while its client does not read on', async () => {
    const [running, ended] = [begin(), begin()];
    end(ended);
    // The second answer has all that it will hold, and cannot be sent before the first one.
    const answered = ask(`GET /${running.id}`, `GET /${ended.id}`);
    await expect.poll(() => responses.at(1)?.writableEnded).toBe(true);
    const before = answered().split(': still here').length;
    await expect.poll(() => answered().split(': still here').length).toBeGreaterThan(before + 3);
    expect(errors).toEqual([]);
    expect(answered()).not.toContain('event: end');

    end(running);
    await expect.poll(() => answered().split('event: end')).toHaveLength(3);
    expect(errors).toEqual([]);
  });

  it('ends when the server stops', async () => {
    const build = begin();
    const answered = ask(`GET /${build.id}`);
    await expect.poll(() => answered()).toContain('event: state');
    streams.stop();
    await expect.poll(() => responses.map(({ closed }) => closed)).toEqual([true]);
  });

  it('is described to HEAD, which keeps its connection for other requests', async () => {
    const running = begin();
    const answered = ask(`HEAD /${running.id}`, `HEAD /${running.id}`);
    await expect.poll(() => answered().split('text/event-stream')).toHaveLength(3);
  });
});
