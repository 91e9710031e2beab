import { glob, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { makeFolder } from '@nixery/storage';

/** Another server works in this folder. */
export class StateDirInUse extends Error {
  override readonly name = 'StateDirInUse';
}

/** The folders that one server keeps on its machine. */
export interface StateDir {
  /** Garbage-collector roots of builds that run; one folder a build. */
  readonly roots: string;
  /** Layers between packing and storing. */
  readonly spool: string;
  /** Fetched package sources: links, which are roots too. */
  readonly sources: string;
  /** What is downloaded on its way into the Nix store. */
  readonly downloads: string;
  /** Repositories that package sources are fetched into. */
  readonly git: string;
  /** The cache actor's database. */
  readonly cacheFile: string;
  /** Indexes of package sets. */
  readonly search: string;
  /** Gives the folder up. */
  release(): void;
}

/**
 * Takes a state folder into use and removes what an earlier server left half-done in it.
 *
 * @throws StateDirInUse when another server holds it; the system's error when it cannot be written
 */
export async function openStateDir(dir: string): Promise<StateDir> {
  await makeFolder(dir, 0o700);
  const lock = takeLock(join(dir, 'lock'), dir);
  const roots = join(dir, 'roots');
  const spool = join(dir, 'spool');
  const downloads = join(dir, 'downloads');
  for (const leftover of [roots, spool, downloads]) {
    await rm(leftover, { recursive: true, force: true });
    await mkdir(leftover, { recursive: true });
  }
  const git = join(dir, 'git');
  await sweepGit(git);
  return {
    roots,
    spool,
    sources: join(dir, 'sources'),
    downloads,
    git,
    cacheFile: join(dir, 'cache.sqlite'),
    search: join(dir, 'search'),
    release: () => lock.close(),
  };
}

/** What a git that was killed leaves behind: checkouts that nobody will use, and locks that would stop every later git. */
const GIT_LEFTOVERS = ['checkout-*', '*.git/*.lock', '*.git/refs/**/*.lock'];

async function sweepGit(dir: string): Promise<void> {
  for await (const leftover of glob(GIT_LEFTOVERS, { cwd: dir })) {
    await rm(join(dir, leftover), { recursive: true, force: true });
  }
}

/** Node has no file locks, but SQLite does, and the kernel lets go of them whatever way a process ends. */
function takeLock(file: string, dir: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    return database;
  } catch (cause) {
    database.close();
    throw new StateDirInUse(`another server uses the state folder ${dir}`, { cause });
  }
}
