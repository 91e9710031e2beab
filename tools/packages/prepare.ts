import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { env, stderr, stdout } from 'node:process';
import { parseArgs } from 'node:util';

import { listsDirectory } from './apt.ts';
import { hostArchitecture } from './architecture.ts';
import { readArchives } from './archives.ts';
import { OfflinePackagesError } from './errors.ts';
import { publish, writeGeneration } from './generation.ts';
import { exclusively } from './lock.ts';
import { currentStamp, readStamp, writeStamp, type Stamp } from './stamp.ts';

/** Debian replaces packages in place; an index of yesterday may name files that are gone. */
const maxAgeMs = 24 * 60 * 60 * 1000;

/** What {@link prepareOfflinePackages} is told. */
export interface PrepareOptions {
  /** The package set, for `NIXERY_PKGS_PATH`. Beside it, `<dir>.apt` keeps lists and downloads. */
  readonly dir: string;
  readonly log: (line: string) => void;
  /** Ask the archives for fresh lists even if nothing seems to have changed: a .deb was gone. */
  readonly refresh?: boolean;
  /** Environment of the apt programs; the process's own by default. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Makes `dir` a package set that Nix can evaluate with nothing but `dir` readable: a generated index of Debian packages
 * and the Nix files that turn them into store paths. Returns at once when it is there and nothing has changed.
 *
 * Needs apt and its lists, but neither root nor a network: without one, the set has the host's architecture only. What
 * `dir` was before stays whole until its `default.nix` is replaced, and still works for evaluations that have begun.
 *
 * @throws OfflinePackagesError
 */
export async function prepareOfflinePackages(
  options: PrepareOptions,
): Promise<{ dir: string; changed: boolean }> {
  const dir = resolve(options.dir);
  const state = `${dir}.apt`;
  if ((await survey(dir, state, options)).current) return { dir, changed: false };
  await mkdir(state, { recursive: true });
  // Two that ask the archives at once get in each other's way, and one of them would do with fewer lists.
  const onWait = (): void => options.log('The offline package set is being made: waiting for it.');
  return await exclusively(state, onWait, async () => {
    const found = await survey(dir, state, options);
    // Somebody else may have made it while we waited.
    if (found.current) return { dir, changed: false };
    await removeLeftovers(dir, state);
    try {
      await make(dir, state, found, options);
      return { dir, changed: true };
    } catch (error) {
      const mayServeOn = found.isThere && options.refresh !== true;
      if (!mayServeOn || !isOfArchives(error)) throw error;
      options.log(`${error.message}\nSo the package set of before serves on.`);
      return { dir, changed: false };
    }
  });
}

/** Whether the archives, rather than this machine, have kept the set from being made. */
function isOfArchives(error: unknown): error is OfflinePackagesError {
  return (
    error instanceof OfflinePackagesError && ['apt-failed', 'download-failed'].includes(error.code)
  );
}

/** Removes what a preparation that was killed has left. Only who holds the lock may: nobody else is at work on it. */
async function removeLeftovers(dir: string, state: string): Promise<void> {
  const folders: readonly (readonly [string, RegExp])[] = [
    [dirname(dir), new RegExp(`^${RegExp.escape(basename(dir))}\\.new\\.\\w{6}$`)],
    [dir, /^default\.nix\.[-\da-f]{36}$/],
    [state, /\.\w{6}$/],
  ];
  for (const [folder, pattern] of folders) {
    const names: readonly string[] = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => pattern.test(each)))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** What there is, against what there should be. */
interface Survey {
  readonly stamp: Stamp;
  /** There is one, of whatever state. */
  readonly isThere: boolean;
  /** Nothing has to be done. */
  readonly current: boolean;
  /** The archives have to be asked, whatever lists there are. */
  readonly fresh: boolean;
  readonly listsChanged: boolean;
}

async function survey(dir: string, state: string, options: PrepareOptions): Promise<Survey> {
  const { refresh = false, environment = env } = options;
  const stamp = await currentStamp(await listsDirectory(environment));
  const known = await readStamp(state, dir);
  const fresh = refresh || (known !== undefined && Date.now() - known.madeAtMs > maxAgeMs);
  return {
    stamp,
    isThere: existsSync(join(dir, 'default.nix')),
    current: !fresh && known?.all === stamp.all,
    fresh,
    listsChanged: known?.lists !== stamp.lists,
  };
}

async function make(
  dir: string,
  state: string,
  { stamp, fresh, listsChanged }: Survey,
  { log, refresh = false, environment = env }: PrepareOptions,
): Promise<void> {
  log('Making the offline package set from the lists of apt.');
  const host = hostArchitecture();
  const archives = await readArchives({
    state,
    host,
    fresh,
    mustAnswer: refresh,
    listsChanged,
    environment,
    log,
  });

  const generation = await mkdtemp(`${dir}.new.`);
  try {
    await writeGeneration({ directory: generation, state, host, archives, environment, log });
    await publish(generation, dir);
  } finally {
    await rm(generation, { recursive: true, force: true });
  }
  await writeStamp(state, stamp);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { refresh: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [dir, ...others] = positionals;
  if (dir === undefined || others.length > 0) {
    stderr.write('Usage: node tools/packages/prepare.ts [--refresh] DIR\n');
    return 64;
  }
  try {
    const { changed } = await prepareOfflinePackages({
      dir,
      refresh: values.refresh ?? false,
      log: (line) => stderr.write(`${line}\n`),
    });
    stdout.write(`${changed ? 'made' : 'unchanged'} ${resolve(dir)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof OfflinePackagesError)) throw error;
    stderr.write(`${error.message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
