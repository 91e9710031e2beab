import { loadPopularity } from '@nixery/builder/layer';
import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBinaryCache } from './binary-cache.ts';
import { countReferences } from './count.ts';
import { readStore } from './store.ts';

const execute = promisify(execFile);

let dir: string;
let built: readonly string[];
let server: Server;
let cache: string;

async function nix(program: string, ...args: readonly string[]): Promise<string> {
  return (await execute(program, args, { env: nixEnvironment(), maxBuffer: 1e9 })).stdout;
}

async function count(
  ...args: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  const main = join(import.meta.dirname, 'main.ts');
  const node = ['--conditions=@nixery/source', main, ...args];
  return await new Promise((resolve) => {
    const options = { env: nixEnvironment(), maxBuffer: 1e9 };
    execFile(process.execPath, node, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-popularity-'));
  const set = await prepareTestPackages(join(dir, 'packages'));
  const expression = `with import ${set} { }; [ sharesA sharesB ]`;
  const links = ['--out-link', join(dir, 'result')];
  built = (await nix('nix-build', ...links, '--expr', expression)).trim().split('\n');
  const copy = ['--extra-experimental-features', 'nix-command', 'copy', '--no-check-sigs'];
  await nix('nix', ...copy, '--to', `file://${join(dir, 'cache')}?compression=none`, ...built);

  server = createServer((request, response) => {
    readFile(join(dir, 'cache', request.url ?? '')).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  cache = `http://127.0.0.1:${address.port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

function path(name: string, hash = '0'): string {
  return `/nix/store/${hash.repeat(32)}-${name}`;
}

describe('countReferences', () => {
  test('counts each path that refers to a name once, and none that refers to itself', () => {
    const graph = [
      { path: path('a'), references: [path('a'), path('libc'), path('libc')] },
      { path: path('b'), references: [path('libc'), path('a')] },
      { path: path('c'), references: [path('libc', '1')] },
      { path: path('libc'), references: [] },
    ];
    expect([...countReferences(graph)]).toEqual([
      ['a', 1],
      ['libc', 3],
    ]);
  });
});

describe('the local store', () => {
  test('counts what some of its paths need', async () => {
    const counts = countReferences(await readStore(built, nixEnvironment()));
    const shared = [...counts].filter(([name]) => name.startsWith('shared-library'));
    expect(shared.map(([, references]) => references)).toEqual([2]);
  });

  test('counts all of it as Nix does', async () => {
    const counts = countReferences(await readStore([], nixEnvironment()));
    const [library = ''] = (await nix('nix-store', '--query', '--references', ...built))
      .split('\n')
      .filter((path) => path.includes('shared-library'));
    const referrers = (await nix('nix-store', '--query', '--referrers', library))
      .trim()
      .split('\n');
    // The store may hold other builds of the same name.
    expect(counts.get(library.slice('/nix/store/'.length + 33))).toBeGreaterThanOrEqual(
      referrers.filter((path) => path !== library).length,
    );
  });

  test('fails for a path that it does not have', async () => {
    const reading = readStore([path('nothing')], nixEnvironment());
    await expect(reading).rejects.toMatchObject({ name: 'CountError', code: 'nix' });
  });
});

describe('a binary cache', () => {
  test('has the same counts as the store that it was filled from', async () => {
    const fromCache = countReferences(await readBinaryCache(cache, built));
    const fromStore = countReferences(await readStore(built, nixEnvironment()));
    expect([...fromCache]).toEqual([...fromStore]);
    expect(fromCache.size).toBeGreaterThan(0);
  });

  test('that lacks a path fails, naming it', async () => {
    await expect(readBinaryCache(cache, [path('nothing')])).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(path('nothing')),
    });
  });

  test('that answers something else fails', async () => {
    await writeFile(join(dir, 'cache', `${'1'.repeat(32)}.narinfo`), '<html>');
    await expect(readBinaryCache(cache, [path('page', '1')])).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  test('that answers without end, or breaks off, fails', async () => {
    const odd = createServer((request, response) => {
      if (request.url?.startsWith('/2') === true) {
        response.write('half', () => response.destroy());
        return;
      }
      response.on('drain', () => response.write('x'.repeat(65_536)));
      while (response.write('x'.repeat(65_536)));
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    try {
      const address = odd.address();
      if (address === null || typeof address === 'string') throw new Error('not listening');
      const url = `http://127.0.0.1:${address.port}`;
      await expect(readBinaryCache(url, [path('endless', '1')])).rejects.toMatchObject({
        code: 'invalid',
      });
      await expect(readBinaryCache(url, [path('broken', '2')])).rejects.toMatchObject({
        code: 'unavailable',
      });
    } finally {
      odd.closeAllConnections();
      odd.close();
    }
  });

  test('that does not answer fails', async () => {
    await expect(readBinaryCache('http://127.0.0.1:1', built)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('the program', () => {
  test.each(['store', 'cache'])('prints, of a %s, what the registry loads', async (source) => {
    const { code, out } = await count(source, ...(source === 'cache' ? [cache] : []), ...built);
    expect(code).toBe(0);
    const file = join(dir, `${source}.json`);
    await writeFile(file, out);
    const popularity = await loadPopularity(pathToFileURL(file).href);
    expect(popularity.get('shared-library')).toBe(2);
  });

  test.each([
    [[]],
    [['cache', 'http://127.0.0.1:1']],
    [['cache', 'no url', '/nix/store/x']],
    [['other']],
  ])('says how it is used when it is called with %j', async (args) => {
    const { code, err } = await count(...args);
    expect({ code, usage: err.startsWith('Usage: ') }).toEqual({ code: 64, usage: true });
  });

  test('says what failed, and nothing else', async () => {
    const { code, out, err } = await count('cache', cache, path('nothing'));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(`the cache does not have ${path('nothing')}\n`);
  });
});
