import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { BuildError } from '../errors.ts';
import { redactSecrets } from '../process/redact.ts';
import { run, type RunResult } from '../process/run.ts';
import { FETCH_DEADLINE_MS, type SourceStore, successOf } from './store.ts';
import { Turns } from './turns.ts';
import { COMMIT, type PackageSource, type Revision } from './types.ts';

export interface GitSourceOptions {
  /** Anything `git fetch` takes. */
  readonly url: string;
  /** Where the repositories are kept. */
  readonly dir: string;
  readonly store: SourceStore;
  readonly env: NodeJS.ProcessEnv;
}

/** Exit code of `git ls-remote --exit-code` when no reference matches. */
const NO_MATCH = 2;

/**
 * A package set in a git repository, the image's tag being a branch, a tag or a commit of it; `latest` is HEAD.
 *
 * Only what branches and tags reach is served. Forges keep the commits of everybody's pull requests in the repository
 * itself and hand them out by hash, so a hash alone proves nothing about who wrote it.
 */
export function gitSource(options: GitSourceOptions): PackageSource {
  const repository = new GitRepository(options);
  return {
    kind: 'git',
    id: redactSecrets(options.url).replace('***@', ''),
    usesReference: true,
    isMoving: (reference) => !COMMIT.test(reference),
    resolve: (reference, signal) => repository.resolve(reference, signal),
    provide: (revision, signal) => repository.provide(revision, signal),
  };
}

class GitRepository {
  readonly #options: GitSourceOptions;
  /** Commits without their trees: what answers whether a branch or tag reaches a commit. */
  readonly #history: string;
  /** Single commits with their trees; shallow, so it can say nothing of what reaches what. */
  readonly #content: string;
  /** Git locks a repository against a second fetch by failing it. */
  readonly #historyTurns = new Turns();

  constructor(options: GitSourceOptions) {
    this.#options = options;
    const name = createHash('sha256').update(options.url).digest('hex').slice(0, 16);
    this.#history = join(options.dir, `${name}-history.git`);
    this.#content = join(options.dir, `${name}-content.git`);
  }

  async resolve(reference: string, signal: AbortSignal): Promise<Revision> {
    if (COMMIT.test(reference)) {
      // One that is known waits for no fetch of another.
      if (await this.#isReached(reference, signal)) return { commit: reference };
      return await this.#historyTurns.take(() => this.#resolveCommit(reference, signal));
    }
    const wanted =
      reference === 'latest'
        ? ['HEAD']
        : // The peeled form of an annotated tag comes first: the tag's own hash is no commit.
          [`refs/heads/${reference}`, `refs/tags/${reference}^{}`, `refs/tags/${reference}`];
    const result = await this.#git(
      ['ls-remote', '--exit-code', '--', this.#options.url, ...wanted],
      signal,
    );
    if (result.outcome === 'exited' && result.code === NO_MATCH) throw notFound(reference);
    const refs = new Map<string, string>();
    for (const line of successOf('git ls-remote', result).split('\n')) {
      const [commit = '', name = ''] = line.split('\t');
      refs.set(name, commit);
    }
    const commit = wanted.map((name) => refs.get(name)).find((found) => found !== undefined);
    if (commit === undefined || !COMMIT.test(commit)) throw notFound(reference);
    return { commit };
  }

  async #resolveCommit(commit: string, signal: AbortSignal): Promise<Revision> {
    if (await this.#isReached(commit, signal)) return { commit };
    await this.#ensure(this.#history, signal);
    const fetched = await this.#git(
      [
        `--git-dir=${this.#history}`,
        ...['fetch', '--quiet', '--no-tags', '--prune', '--no-write-fetch-head'],
        ...['--filter=tree:0', 'origin', '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
      ],
      signal,
    );
    successOf('git fetch', fetched);
    if (await this.#isReached(commit, signal)) return { commit };
    throw notFound(commit);
  }

  async #isReached(commit: string, signal: AbortSignal): Promise<boolean> {
    const result = await this.#git(
      [
        `--git-dir=${this.#history}`,
        ...['for-each-ref', '--count=1', `--contains=${commit}`, 'refs/heads', 'refs/tags'],
      ],
      signal,
    );
    if (result.outcome !== 'exited') successOf('git for-each-ref', result);
    return result.code === 0 && result.stdout !== '';
  }

  async provide(revision: Revision, signal: AbortSignal): Promise<string> {
    const { commit } = revision;
    if (commit === null) throw new TypeError('a git revision has a commit');
    return await this.#options.store.obtain(commit, () => this.#fetch(commit, signal));
  }

  /** The store sees to it that this is done once at a time. */
  async #fetch(commit: string, signal: AbortSignal): Promise<string> {
    await this.#ensure(this.#content, signal);
    const gitDir = `--git-dir=${this.#content}`;
    const fetch = [gitDir, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--depth=1'];
    const direct = await this.#git([...fetch, 'origin', commit], signal);
    if (direct.outcome !== 'exited' || direct.code !== 0) {
      // Servers older than protocol version 2 hand out references only.
      const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
      const all = await this.#git([gitDir, 'fetch', '--quiet', 'origin', ...refs], signal);
      successOf('git fetch', all);
      // It was there when it was resolved, or when an image was built of it: a branch was rewritten since.
      if (!(await this.#hasCommit(commit, signal))) throw notFound(commit);
    }

    const temporary = await mkdtemp(join(this.#options.dir, 'checkout-'));
    try {
      const tree = join(temporary, 'source');
      await mkdir(tree);
      const checkout = await this.#git(
        [
          ...[gitDir, `--work-tree=${tree}`, '-c', 'core.autocrlf=false'],
          ...['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false'],
          ...['checkout', '--quiet', '--force', commit, '--', '.'],
        ],
        signal,
        { GIT_INDEX_FILE: join(temporary, 'index') },
      );
      successOf('git checkout', checkout);
      return await this.#options.store.add(commit, tree, signal);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #hasCommit(commit: string, signal: AbortSignal): Promise<boolean> {
    const gitDir = `--git-dir=${this.#content}`;
    const result = await this.#git([gitDir, 'cat-file', '-e', `${commit}^{commit}`], signal);
    if (result.outcome !== 'exited') successOf('git cat-file', result);
    return result.code === 0;
  }

  async #ensure(dir: string, signal: AbortSignal): Promise<void> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    const { url } = this.#options;
    successOf('git init', await this.#git(['init', '--quiet', '--bare', '--', dir], signal));
    const set = [`--git-dir=${dir}`, 'config', 'remote.origin.url', url];
    successOf('git config', await this.#git(set, signal));
  }

  async #git(
    args: readonly string[],
    signal: AbortSignal,
    env: NodeJS.ProcessEnv = {},
  ): Promise<RunResult> {
    return await run({
      command: 'git',
      args,
      env: { ...this.#options.env, ...env },
      deadlineMs: FETCH_DEADLINE_MS,
      signal,
    });
  }
}

function notFound(reference: string): BuildError {
  return new BuildError(
    'reference-not-found',
    reference === 'latest'
      ? 'the package source has no HEAD'
      : `tag "${reference}" names no branch, tag or commit of the package source`,
  );
}
