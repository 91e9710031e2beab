import { join } from 'node:path';

import { privateTargets, updateLists } from './apt-state.ts';
import { architectures } from './architecture.ts';
import type { Architecture } from './architecture.ts';
import { readArchive } from './control.ts';
import type { Archive } from './control.ts';
import { OfflinePackagesError } from './errors.ts';
import { hostTargets, readPackagesFiles } from './index-targets.ts';
import type { IndexTarget } from './index-targets.ts';

/** What {@link readArchives} is told. */
export interface ReadOptions {
  /** Directory of the private apt states. */
  readonly state: string;
  readonly host: Architecture;
  /** Ask the archives, whatever lists there are. */
  readonly fresh: boolean;
  /** Lists of before will not do: whoever asked has seen that they are outdated. */
  readonly mustAnswer: boolean;
  /** The host's lists are others than when our own were made. */
  readonly listsChanged: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/** The archive of each target that there are lists for. */
export type Archives = ReadonlyMap<Architecture, Archive>;

/** The archive of each target: from the host's lists where they have it, else from lists of our own. */
export async function readArchives(options: ReadOptions): Promise<Archives> {
  const sourceTargets = await hostTargets(options.environment);
  const found = await Promise.all(
    architectures.map(async (architecture) => {
      const targets = await targetsOf(architecture, sourceTargets, options);
      if (targets.length === 0) return undefined;
      return [
        architecture,
        readArchive(await readPackagesFiles(targets, options.environment)),
      ] as const;
    }),
  );
  return new Map(found.filter((pair) => pair !== undefined));
}

async function targetsOf(
  architecture: Architecture,
  sourceTargets: readonly IndexTarget[],
  { state, host, fresh, mustAnswer, listsChanged, environment, log }: ReadOptions,
): Promise<readonly IndexTarget[]> {
  const own = sourceTargets.filter((target) => target.architecture === architecture.debian);
  if (own.length > 0 && !fresh) return own;
  const directory = join(state, architecture.debian);
  const cached = await privateTargets(directory, environment);
  if (cached.length > 0 && !fresh && !listsChanged) return cached;
  try {
    log(`Asking the archives for their ${architecture.debian} packages.`);
    await updateLists(directory, architecture, sourceTargets, environment);
    return await privateTargets(directory, environment);
  } catch (error) {
    if (!(error instanceof OfflinePackagesError) || error.code !== 'apt-failed') throw error;
    if (mustAnswer && architecture === host) throw error;
    const instead = cached.length > 0 ? cached : own;
    const consequence =
      instead.length > 0
        ? 'the lists of before serve on'
        : `there will be no ${architecture.system} packages`;
    log(`${error.message}\nSo ${consequence}.`);
    if (instead.length === 0 && architecture === host) throw error;
    return instead;
  }
}
