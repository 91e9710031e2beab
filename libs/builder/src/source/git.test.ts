import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BuildError } from '../errors.ts';
import { fetchEnvironment } from '../process/environment.ts';
import { nixEnvironment } from '../testing/index.ts';
import { makeStore } from '../testing/source-store.ts';
import { gitSource, type PackageSource } from './index.ts';

const { signal } = new AbortController();
const env = fetchEnvironment(nixEnvironment());

let dir: string;
let upstream: string;
let source: PackageSource;

function git(...args: readonly string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  const options = ['-c', 'init.defaultBranch=main', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', upstream, ...identity, ...options, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

async function commit(text: string): Promise<string> {
  await writeFile(join(upstream, 'default.nix'), `{ }: { text = "${text}"; }\n`);
  git('add', '.');
  git('commit', '--quiet', '-m', text);
  return git('rev-parse', 'HEAD');
}

function makeSource(url: string, stateDir: string, gitEnv = env): PackageSource {
  const store = makeStore(join(dir, stateDir), env);
  return gitSource({ url, dir: join(dir, stateDir, 'git'), store, env: gitEnv });
}

/** A git whose fetches note that they have begun, and hang until they are ended. */
async function hangingGit(): Promise<{ readonly begun: string; readonly env: NodeJS.ProcessEnv }> {
  const begun = join(dir, 'begun');
  const script = [
    '#!/bin/sh',
    `for word; do if [ "$word" = fetch ]; then : > '${begun}'; exec sleep 600; fi; done`,
    `PATH='${env['PATH']}' exec git "$@"`,
  ];
  await writeFile(join(dir, 'git'), `${script.join('\n')}\n`);
  await chmod(join(dir, 'git'), 0o755);
  return { begun, env: { ...env, PATH: `${dir}:${env['PATH']}` } };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'no error',
    (error: unknown) => (error instanceof BuildError ? error.code : String(error)),
  );
}

const commits = { first: '', second: '', branch: '', unreached: '' };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-git-'));
  upstream = join(dir, 'upstream');
  execFileSync('git', ['-c', 'init.defaultBranch=main', 'init', '--quiet', upstream]);
  commits.first = await commit('first');
  git('tag', '-a', '-m', 'annotated', 'v1');
  commits.second = await commit('second');
  git('checkout', '--quiet', '-b', 'feature', commits.first);
  commits.branch = await commit('branch');
  // A forge keeps strangers' pull requests like this, and hands them out to whoever knows the hash.
  git('checkout', '--quiet', '--detach', commits.first);
  commits.unreached = await commit('a stranger’s code');
  git('update-ref', 'refs/pull/1/head', commits.unreached);
  git('checkout', '--quiet', 'main');
  source = makeSource(`file://${upstream}`, 'state');
});
afterAll(() => rm(dir, { recursive: true }));

describe('a git source', () => {
  it('takes `latest` for HEAD, and tags for branches, tags and commits', async () => {
    expect(await source.resolve('latest', signal)).toEqual({ commit: commits.second });
    expect(await source.resolve('main', signal)).toEqual({ commit: commits.second });
    expect(await source.resolve('feature', signal)).toEqual({ commit: commits.branch });
    expect(await source.resolve('v1', signal)).toEqual({ commit: commits.first });
    expect(await source.resolve(commits.first, signal)).toEqual({ commit: commits.first });
  });

  it('provides the files of each revision', async () => {
    for (const [text, revision] of [
      ['first', commits.first],
      ['branch', commits.branch],
      ['second', commits.second],
    ] as const) {
      const path = await source.provide({ commit: revision }, signal);
      expect(path).toMatch(/^\/nix\/store\/[a-z0-9]{32}-source$/);
      expect(await readFile(join(path, 'default.nix'), 'utf8')).toContain(`"${text}"`);
    }
  });

  it('serves no commit that neither a branch nor a tag reaches', async () => {
    expect(await codeOf(source.resolve(commits.unreached, signal))).toBe('reference-not-found');
  });

  it('knows a commit only for as long as something reaches it', async () => {
    git('branch', 'passing', commits.unreached);
    const other = makeSource(`file://${upstream}`, 'passing');
    expect(await other.resolve(commits.unreached, signal)).toEqual({ commit: commits.unreached });
    git('branch', '-D', 'passing');
    expect(await codeOf(source.resolve(commits.unreached, signal))).toBe('reference-not-found');
  });

  it.each(['nothing', 'refs', 'HEAD', 'pull', '1', '0'.repeat(40), '--upload-pack=touch'])(
    'has no reference %s',
    async (reference) => {
      expect(await codeOf(source.resolve(reference, signal))).toBe('reference-not-found');
    },
  );

  it('follows a branch that moves', async () => {
    const moved = await commit('moved');
    expect(await source.resolve('main', signal)).toEqual({ commit: moved });
    const path = await source.provide({ commit: moved }, signal);
    expect(await readFile(join(path, 'default.nix'), 'utf8')).toContain('"moved"');
  });

  it('provides one revision to many at once', async () => {
    const fresh = makeSource(`file://${upstream}`, 'many');
    const paths = await Promise.all(
      Array.from({ length: 8 }, () => fresh.provide({ commit: commits.first }, signal)),
    );
    expect(new Set(paths).size).toBe(1);
  });

  it('has no longer a commit that nothing leads to any more, which is no matter of asking again', async () => {
    const fresh = makeSource(`file://${upstream}`, 'rewritten');
    expect(await codeOf(fresh.provide({ commit: 'f'.repeat(40) }, signal))).toBe(
      'reference-not-found',
    );
    const away = makeSource(`file://${join(dir, 'gone')}`, 'rewritten-away');
    expect(await codeOf(away.provide({ commit: commits.first }, signal))).toBe(
      'source-unavailable',
    );
  });

  it('gives what it fetched after a restart, with the repository gone', async () => {
    const restarted = makeSource(`file://${join(dir, 'gone')}`, 'state');
    const path = await restarted.provide({ commit: commits.first }, signal);
    expect(await readFile(join(path, 'default.nix'), 'utf8')).toContain('"first"');
  });

  it('that cannot be reached is unavailable, and its password stays secret', async () => {
    const unreachable = makeSource('https://user:hunter2@127.0.0.1:1/repository.git', 'secret');
    const error: unknown = await unreachable.resolve('main', signal).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'source-unavailable' });
    expect(inspect(error)).toContain('127.0.0.1');
    expect(`${inspect(error)} ${unreachable.id}`).not.toContain('hunter2');
  });

  it('knows a commit at once that it knew before, while it fetches another', async () => {
    const first = makeSource(`file://${upstream}`, 'waiting');
    await first.resolve(commits.first, signal);
    const hanging = await hangingGit();
    const again = makeSource(`file://${upstream}`, 'waiting', hanging.env);
    const end = new AbortController();
    const fetching = codeOf(again.resolve('f'.repeat(40), end.signal));
    await expect.poll(() => existsSync(hanging.begun)).toBe(true);
    expect(await again.resolve(commits.first, signal)).toEqual({ commit: commits.first });
    end.abort();
    expect(await fetching).toBe('stopping');
  });

  it('stops when told to', async () => {
    const stop = AbortSignal.abort();
    expect(await codeOf(source.resolve('main', stop))).toBe('stopping');
  });
});
