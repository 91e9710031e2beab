import { lstat, lutimes, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { BuildError } from '../errors.ts';
import { run, type RunResult } from '../process/run.ts';
import { Turns } from './turns.ts';

/** Revisions whose sources are kept from the garbage collector, at least. */
const KEPT = 8;

/** Those of further ones are that were asked for within this time (ms): builds may be reading them. */
const IN_USE_MS = 60 * 60 * 1000;

export interface SourceStoreOptions {
  /** Where the links are kept. */
  readonly dir: string;
  /** Where downloads are unpacked: a folder that is there, to be emptied after the server was killed. */
  readonly downloads: string;
  /** Environment of the Nix processes. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Package sources in the Nix store, by commit. A link a revision, registered as a garbage-collector root, is all the
 * state there is, so what was fetched once is there after a restart.
 */
export class SourceStore {
  readonly #options: SourceStoreOptions;
  readonly #adding = new Turns();

  constructor(options: SourceStoreOptions) {
    this.#options = options;
  }

  /**
   * The store path of a source. Where it is not in the store, `add` puts it there, once however many ask; nor is another one
   * added meanwhile.
   */
  async obtain(commit: string, add: () => Promise<string>): Promise<string> {
    const known = await this.#find(commit);
    return known ?? (await this.#adding.take(async () => (await this.#find(commit)) ?? add()));
  }

  /** Undefined when it is not (or no longer) in the store. */
  async #find(commit: string): Promise<string | undefined> {
    const link = join(this.#options.dir, commit);
    try {
      const path = await readlink(link);
      await lstat(path);
      const now = new Date();
      await lutimes(link, now, now);
      return path;
    } catch {
      return undefined;
    }
  }

  /** Adds a folder to the Nix store. */
  async add(commit: string, folder: string, signal: AbortSignal): Promise<string> {
    const added = await this.#nix('nix-store', ['--add', folder], signal);
    return await this.#keep(commit, added.trim(), signal);
  }

  /** Downloads and unpacks a tarball into the Nix store. */
  async addTarball(commit: string, url: string, signal: AbortSignal): Promise<string> {
    const args = ['--unpack', '--print-path', '--name', 'source', '--', url];
    const printed = await this.#nix('nix-prefetch-url', args, signal);
    const path = printed.trim().split('\n').at(-1) ?? '';
    return await this.#keep(commit, path, signal);
  }

  /** Registers a root for a source, and forgets the sources used longest ago. */
  async #keep(commit: string, path: string, signal: AbortSignal): Promise<string> {
    await mkdir(this.#options.dir, { recursive: true });
    const root = join(this.#options.dir, commit);
    await this.#nix('nix-store', ['--realise', path, '--add-root', root, '--indirect'], signal);
    await this.#forgetOldest();
    return path;
  }

  async #forgetOldest(): Promise<void> {
    const links = await Promise.all(
      (await readdir(this.#options.dir)).map(async (name) => {
        const link = join(this.#options.dir, name);
        return { link, used: (await lstat(link)).mtimeMs };
      }),
    );
    links.sort((a, b) => b.used - a.used);
    const unused = links.slice(KEPT).filter(({ used }) => used < Date.now() - IN_USE_MS);
    for (const { link } of unused) await rm(link, { force: true });
  }

  async #nix(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const result = await run({
      command,
      args,
      env: { ...this.#options.env, TMPDIR: this.#options.downloads },
      deadlineMs: FETCH_DEADLINE_MS,
      signal,
      whenOrphaned: 'SIGKILL',
    });
    return successOf(command, result);
  }
}

/** For one command that fetches or stores package sources (ms). */
export const FETCH_DEADLINE_MS = 600_000;

/**
 * What a command printed, or the error that its failure is to those who wait for an image.
 *
 * @throws BuildError `stopping`, `deadline`, `source-unavailable`
 */
export function successOf(what: string, result: RunResult): string {
  if (result.outcome === 'aborted') throw new BuildError('stopping', 'the server is stopping');
  if (result.outcome === 'deadline') throw new BuildError('deadline', `${what} took too long`);
  if (result.outcome === 'exited' && result.code === 0) return result.stdout;
  throw new BuildError('source-unavailable', 'the package source cannot be fetched', {
    cause: new Error(`${what} failed (${result.code}): ${result.stderr.trim()}`),
  });
}
