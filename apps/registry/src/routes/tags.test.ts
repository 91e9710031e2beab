import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';

import { createPackageRepository, nixEnvironment } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';

/** That the repository has, none of them in order. */
const TAGS = ['v2', 'B', 'v10'];
const tagsSchema = z.object({ name: z.string(), tags: z.array(z.string()) });
const archive = promisify(execFile);

let dir: string;
let repository: string;
let forge: Server;

/** Serves archives of the repository as a forge does. */
function startForge(): Promise<Server> {
  const server = createServer((request, response) => {
    const reference = /\/archive\/([\w./-]+)\.tar\.gz$/.exec(request.url ?? '')?.[1] ?? '';
    const command = ['-C', repository, 'archive', '--format=tar.gz', '--prefix=set/', reference];
    archive('git', command, { encoding: 'buffer', maxBuffer: 2 ** 26 }).then(
      ({ stdout }) => response.end(stdout),
      () => response.writeHead(404).end(),
    );
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-tags-'));
  repository = join(dir, 'repository');
  const packages = await createPackageRepository(repository);
  await packages.commit(randomUUID());
  for (const tag of TAGS) packages.git('tag', tag);
  forge = await startForge();
  Object.assign(process.env, nixEnvironment());
});
afterAll(async () => {
  forge.closeAllConnections();
  await new Promise((resolve) => forge.close(resolve));
  await rm(dir, { recursive: true });
});

function forgeAddress(): string {
  const address = forge.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/set`;
}

const SOURCES = [
  { kind: 'a folder', env: () => ({ NIXERY_PKGS_PATH: repository }), usesTags: false },
  { kind: 'a git repository', env: () => ({ NIXERY_PKGS_REPO: repository }), usesTags: true },
  {
    kind: 'a channel',
    env: () => ({ NIXERY_CHANNEL: 'main', NIXERY_CHANNEL_URL: forgeAddress() }),
    usesTags: false,
  },
];

describe.each(SOURCES)('of $kind', ({ env, kind, usesTags }) => {
  let server: RunningServer;
  let lines: string[];

  async function start(): Promise<void> {
    const state = join(dir, kind);
    const { config } = readConfig({
      NIXERY_HOST: '127.0.0.1',
      NIXERY_SEARCH: 'off',
      PORT: '0',
      STORAGE_PATH: join(state, 'storage'),
      NIXERY_STATE_DIR: join(state, 'state'),
      ...env(),
    });
    lines = [];
    const log = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    server = await startServer(config, pino(log));
  }

  function built(): number {
    return lines.filter((line) => line.includes('"msg":"build started"')).length;
  }

  async function pull(name: string, tag: string, method = 'GET'): Promise<void> {
    const url = `http://127.0.0.1:${server.port}/v2/${name}/manifests/${tag}`;
    const response = await fetch(url, { method });
    await response.arrayBuffer();
    expect(response.status).toBe(200);
  }

  async function list(name: string, query = ''): Promise<readonly string[]> {
    const response = await fetch(`http://127.0.0.1:${server.port}/v2/${name}/tags/list${query}`);
    return tagsSchema.parse(await response.json()).tags;
  }

  beforeAll(start);
  afterAll(() => server.stop());

  it('every tag is listed that an image was pulled by, at once, whatever was built for it', async () => {
    const [first = '', ...others] = TAGS;
    await pull('sharesa/hello', first);
    const buildsOfOne = built();
    for (const tag of others) {
      await pull('hello/sharesa', tag, 'HEAD');
      expect(await list('sharesa/hello')).toContain(tag);
    }
    expect(await list('hello/sharesa')).toEqual(['B', 'latest', 'v10', 'v2']);
    expect(await list('hello/sharesa', '?n=2&last=B')).toEqual(['latest', 'v10']);
    // Where tags do not choose the packages, one build stands for all of them.
    expect(built()).toBe(usesTags ? TAGS.length : buildsOfOne);
  });

  it('a tag that nothing could be pulled by is not listed', async () => {
    const url = `http://127.0.0.1:${server.port}/v2/broken/manifests/${TAGS[0]}`;
    expect((await fetch(url)).status).toBe(403);
    expect(await list('broken')).toEqual(['latest']);
  });

  it('a tag of a digest, by which clients look for signatures, is none', async () => {
    for (const suffix of ['', '.sig', '.att']) {
      const tag = `sha256-${'0'.repeat(64)}${suffix}`;
      const url = `http://127.0.0.1:${server.port}/v2/hello/sharesa/manifests/${tag}`;
      expect((await fetch(url)).status).toBe(404);
      expect(await list('hello/sharesa')).not.toContain(tag);
    }
  });

  it('the tags are there after a restart, without another build', async () => {
    await server.stop();
    await start();
    expect(await list('hello/sharesa')).toEqual(['B', 'latest', 'v10', 'v2']);
    await pull('hello/sharesa', 'v10');
    expect(built()).toBe(0);
  });
});
