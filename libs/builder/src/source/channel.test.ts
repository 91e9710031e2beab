import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { BuildError } from '../errors.ts';
import { fetchEnvironment } from '../process/environment.ts';
import { nixEnvironment } from '../testing/index.ts';
import { listenLocally } from '../testing/listen.ts';
import { makeStore } from '../testing/source-store.ts';
import { channelSource, type PackageSource } from './index.ts';

const { signal } = new AbortController();
const env = fetchEnvironment(nixEnvironment());

let dir: string;
let repository: string;
let forge: Server;
let base: string;
let requests: string[];

function git(...args: readonly string[]): Buffer {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  return execFileSync('git', ['-C', repository, ...identity, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Answers as GitHub does: `archive/<reference>.tar.gz` redirects to another address, which serves `git archive`'s output. */
function answer(url: string): { status: number; headers?: Record<string, string>; body?: Buffer } {
  const archive = /^\/NixOS\/nixpkgs\/archive\/(.+)\.tar\.gz$/.exec(url)?.[1];
  if (archive !== undefined) return { status: 302, headers: { Location: `/tar.gz/${archive}` } };
  const reference = /^\/tar\.gz\/(.+)$/.exec(url)?.[1];
  if (reference === undefined) return { status: 404 };
  try {
    const commit = git('rev-parse', '--verify', '--quiet', `${reference}^{commit}`)
      .toString()
      .trim();
    return {
      status: 200,
      body: git('archive', '--format=tar.gz', `--prefix=nixpkgs-${commit}/`, commit),
    };
  } catch {
    return { status: 404 };
  }
}

function makeSource(channel: string, state: string, url = base): PackageSource {
  const store = makeStore(join(dir, state), env);
  return channelSource({ channel, repositoryUrl: url, store });
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'no error',
    (error: unknown) => (error instanceof BuildError ? error.code : String(error)),
  );
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-channel-'));
  repository = join(dir, 'nixpkgs');
  execFileSync('git', ['-c', 'init.defaultBranch=nixos-unstable', 'init', '--quiet', repository]);
  await writeFile(join(repository, 'default.nix'), '{ }: { text = "old"; }\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'old');
  forge = createServer((request, response) => {
    requests.push(request.url ?? '');
    const { status, headers = {}, body } = answer(request.url ?? '');
    response.writeHead(status, headers).end(body);
  });
  base = `http://127.0.0.1:${await listenLocally(forge)}/NixOS/nixpkgs`;
});
beforeEach(() => {
  requests = [];
});
afterAll(async () => {
  forge.closeAllConnections();
  await new Promise((resolve) => forge.close(resolve));
  await rm(dir, { recursive: true });
});

describe('a channel', () => {
  it('stands for the commit that its tarball names', async () => {
    const commit = git('rev-parse', 'HEAD').toString().trim();
    const source = makeSource('nixos-unstable', 'moving');
    expect(source.isMoving('any')).toBe(true);
    expect(await source.resolve('any', signal)).toEqual({ commit });

    const path = await source.provide({ commit }, signal);
    expect(path).toMatch(/^\/nix\/store\/[a-z0-9]{32}-source$/);
    expect(await readFile(join(path, 'default.nix'), 'utf8')).toContain('"old"');
  });

  it('that moves on stands for another commit', async () => {
    const source = makeSource('nixos-unstable', 'moving');
    const before = await source.resolve('', signal);
    await writeFile(join(repository, 'default.nix'), '{ }: { text = "new"; }\n');
    git('commit', '--quiet', '-am', 'new');
    const after = await source.resolve('', signal);
    expect(after).not.toEqual(before);
    const path = await source.provide(after, signal);
    expect(await readFile(join(path, 'default.nix'), 'utf8')).toContain('"new"');
    // What it stood for before is still there, and is not fetched again.
    requests = [];
    const old = await source.provide(before, signal);
    expect(await readFile(join(old, 'default.nix'), 'utf8')).toContain('"old"');
    expect(requests).toEqual([]);
  });

  it('that is a commit is not looked up, and does not move', async () => {
    const commit = git('rev-parse', 'HEAD').toString().trim();
    const source = makeSource(commit, 'pinned');
    expect(source.isMoving('any')).toBe(false);
    expect(await source.resolve('any', signal)).toEqual({ commit });
    expect(requests).toEqual([]);
    await source.provide({ commit }, signal);
    expect(requests[0]).toBe(`/NixOS/nixpkgs/archive/${commit}.tar.gz`);
  });

  it('is fetched once however many ask at the same time', async () => {
    const commit = git('rev-parse', 'HEAD').toString().trim();
    const source = makeSource('nixos-unstable', 'many');
    const paths = await Promise.all(
      Array.from({ length: 5 }, () => source.provide({ commit }, signal)),
    );
    expect(new Set(paths).size).toBe(1);
    expect(requests).toEqual([`/NixOS/nixpkgs/archive/${commit}.tar.gz`, `/tar.gz/${commit}`]);
  });

  it('that does not exist is unavailable', async () => {
    expect(await codeOf(makeSource('nixos-99.99', 'none').resolve('', signal))).toBe(
      'source-unavailable',
    );
    expect(
      await codeOf(makeSource('0'.repeat(40), 'none').provide({ commit: '0'.repeat(40) }, signal)),
    ).toBe('source-unavailable');
  });

  it('whose server cannot be reached, or serves something else, is unavailable', async () => {
    const unreachable = makeSource('nixos-unstable', 'none', 'http://127.0.0.1:1/x');
    expect(await codeOf(unreachable.resolve('', signal))).toBe('source-unavailable');
    const other = createServer((_request, response) => response.end('<html>'));
    const port = await listenLocally(other);
    const wrong = makeSource('nixos-unstable', 'none', `http://127.0.0.1:${port}`);
    expect(await codeOf(wrong.resolve('', signal))).toBe('source-unavailable');
    await new Promise((resolve) => other.close(resolve));
  });

  it('stops when told to', async () => {
    const stop = AbortSignal.abort();
    expect(await codeOf(makeSource('nixos-unstable', 'none').resolve('', stop))).toBe('stopping');
  });
});
