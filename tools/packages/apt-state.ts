import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runApt } from './apt.ts';
import type { Architecture } from './architecture.ts';
import { indexTargets } from './index-targets.ts';
import type { IndexTarget } from './index-targets.ts';

/**
 * Brings the lists of one architecture up to date in a private apt state below `directory`, and gives its targets. The
 * host's apt is left alone: neither its installed packages nor its set of architectures matter or change.
 *
 * @param sources targets of the host, which say where the archives are
 */
export async function updateLists(
  directory: string,
  architecture: Architecture,
  sources: readonly IndexTarget[],
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  // Made beside, then renamed: two preparations at once must not meet in one apt state, which only one may lock.
  const temporary = await mkdtemp(`${directory}.`);
  try {
    if (existsSync(directory))
      await cp(directory, temporary, { recursive: true, preserveTimestamps: true });
    await writeState(temporary, architecture, sources);
    await runApt(
      'apt-get',
      ['--quiet', '--error-on=any', 'update'],
      stateEnvironment(temporary, environment),
    );
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory).catch((error: unknown) => {
      // Another preparation was quicker, with lists as new.
      if (!existsSync(directory)) throw error;
    });
    await writeState(directory, architecture, sources);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The targets of a private state that {@link updateLists} made; none if it never did. */
export async function privateTargets(
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<readonly IndexTarget[]> {
  if (!existsSync(join(directory, 'apt.conf'))) return [];
  const targets = await indexTargets(stateEnvironment(directory, environment));
  return targets.filter(({ file }) => existsSync(file));
}

async function writeState(
  directory: string,
  architecture: Architecture,
  sources: readonly IndexTarget[],
): Promise<void> {
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, 'cache', 'archives', 'partial'), { recursive: true });
  await writeFile(join(directory, 'status'), '');
  await writeFile(join(directory, 'sources.list'), sourcesList(sources));
  await writeFile(join(directory, 'apt.conf'), stateConfiguration(directory, architecture));
}

/** A sources.list for the archives of `targets`: the manual page sources.list(5). */
export function sourcesList(targets: readonly IndexTarget[]): string {
  // Debian 13 no longer trusts its archive keys for every source, so the source has to name them.
  const keyring = ['gpg', 'pgp', 'asc']
    .map((suffix) => `/usr/share/keyrings/debian-archive-keyring.${suffix}`)
    .find((path) => existsSync(path));
  const options = keyring === undefined ? '' : `[signed-by=${keyring}] `;
  const lines = targets.map(
    ({ archiveUrl, release, component }) => `deb ${options}${archiveUrl} ${release} ${component}\n`,
  );
  return [...new Set(lines)].join('');
}

/** The manual page apt.conf(5). */
function stateConfiguration(directory: string, { debian }: Architecture): string {
  return [
    `APT::Architecture "${debian}";`,
    '#clear APT::Architectures;',
    `APT::Architectures { "${debian}"; };`,
    // As root apt would drop to the user _apt, who need not be able to enter this directory.
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    `Dir::State "${directory}";`,
    `Dir::State::status "${directory}/status";`,
    `Dir::State::lists "${directory}/lists";`,
    `Dir::Cache "${directory}/cache";`,
    `Dir::Etc::sourcelist "${directory}/sources.list";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    '',
  ].join('\n');
}

function stateEnvironment(directory: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, APT_CONFIG: join(directory, 'apt.conf') };
}
