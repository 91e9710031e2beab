import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

import type { Architecture } from './architecture.ts';
import type { PackagesFile } from './control.ts';
import { OfflinePackagesError } from './errors.ts';

const execute = promisify(execFile);

/** Where apt keeps its program for single files and its decompressor. */
const aptHelper = '/usr/lib/apt/apt-helper';
/** A decompressed `Packages` file is 50 MB. */
const maxOutputBytes = 512 * 1024 * 1024;

/** One `Packages` file that apt knows of: https://manpages.debian.org/apt-get.8#indextargets */
export interface IndexTarget {
  /** Ends in a slash. */
  readonly archiveUrl: string;
  readonly release: string;
  readonly codename: string;
  readonly component: string;
  readonly architecture: string;
  readonly origin: string;
  /** Path of apt's copy, compressed or not. */
  readonly file: string;
}

const targetFields = [
  'REPO_URI',
  'RELEASE',
  'CODENAME',
  'COMPONENT',
  'ARCHITECTURE',
  'ORIGIN',
  'FILENAME',
];

/** Parses what `apt-get indextargets` prints with {@link targetFields} between tabs. A field apt lacks stays `$(NAME)`. */
export function parseIndexTargets(text: string): readonly IndexTarget[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [
        archiveUrl = '',
        release = '',
        codename = '',
        component = '',
        architecture = '',
        origin = '',
        file = '',
      ] = line.split('\t');
      return { archiveUrl, release, codename, component, architecture, origin, file };
    });
}

/**
 * The targets from Debian itself that belong to the host's own release. A vendor's archive, backports and a second
 * release that pins keep at bay on the host would all change what a package is.
 *
 * @param codename the host's release, e.g. `bookworm`
 */
export function selectDebian(
  targets: readonly IndexTarget[],
  codename: string | undefined,
): readonly IndexTarget[] {
  const debian = targets.filter(({ origin }) => origin === 'Debian');
  const own = debian.filter(
    (target) =>
      codename !== undefined &&
      [codename, `${codename}-updates`, `${codename}-security`].includes(target.codename),
  );
  if (own.length > 0) return own;
  return debian.filter(
    ({ codename: name }) => !/-(backports|proposed-updates)|^(experimental|rc-buggy)/.test(name),
  );
}

/** The host's Debian targets. Throws `apt-missing` and `lists-missing`. */
export async function hostTargets(environment: NodeJS.ProcessEnv): Promise<readonly IndexTarget[]> {
  const targets = selectDebian(await indexTargets(environment), await hostCodename());
  const usable = targets.filter(({ file }) => existsSync(file));
  if (usable.length > 0) return usable;
  throw new OfflinePackagesError(
    'lists-missing',
    'apt has no lists of a Debian archive. Run `apt-get update` as root, or configure another package source.',
  );
}

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
    await run(
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

/** Decompresses the lists. */
export async function readPackagesFiles(
  targets: readonly IndexTarget[],
  environment: NodeJS.ProcessEnv,
): Promise<readonly PackagesFile[]> {
  return await Promise.all(
    targets.map(async ({ archiveUrl, file }) => ({
      archiveUrl,
      text: await run(aptHelper, ['cat-file', file], environment),
    })),
  );
}

/** Downloads one file the way apt would, its proxies and credentials included, and checks its digest. */
export async function download(
  url: string,
  sha256: string,
  file: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const folder = await mkdtemp(`${file}.`);
  const temporary = join(folder, basename(file));
  try {
    await run(aptHelper, ['download-file', url, temporary, `SHA256:${sha256}`], environment);
    await rename(temporary, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes the first of `members` that a .deb has out of it, into `file`; `directory` is for what comes along. */
export async function extract(
  deb: string,
  members: readonly string[],
  file: string,
  directory: string,
): Promise<void> {
  const unpacked = await mkdtemp(join(directory, 'unpacked.'));
  try {
    await run('dpkg-deb', ['--extract', deb, unpacked], process.env);
    const member = members.map((name) => join(unpacked, name)).find((path) => existsSync(path));
    if (member === undefined)
      throw new OfflinePackagesError('package-missing', `${deb} has no ${members.join(' or ')}.`);
    await copyFile(member, file);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** The directory in which the host's apt keeps its lists. */
export async function listsDirectory(environment: NodeJS.ProcessEnv): Promise<string> {
  const text = await run('apt-config', ['shell', 'DIRECTORY', 'Dir::State::lists/d'], environment);
  return /^DIRECTORY='(.*)'$/m.exec(text)?.[1] ?? '/var/lib/apt/lists/';
}

async function indexTargets(environment: NodeJS.ProcessEnv): Promise<readonly IndexTarget[]> {
  const format = targetFields.map((name) => `$(${name})`).join('\t');
  return parseIndexTargets(
    await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], environment),
  );
}

async function hostCodename(): Promise<string | undefined> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(.*)$/m.exec(text)?.[1];
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

/** A sources.list for the archives of `targets`: https://manpages.debian.org/sources.list.5 */
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

/** https://manpages.debian.org/apt.conf.5 */
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

async function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      env: { ...environment, LC_ALL: 'C.UTF-8' },
      maxBuffer: maxOutputBytes,
    });
    return stdout;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new OfflinePackagesError(
        'apt-missing',
        `${program} is not on this machine: the offline package set is made of Debian's packages. Configure another package source.`,
        { cause },
      );
    }
    const detail =
      cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
    throw new OfflinePackagesError('apt-failed', `${program} ${args[0] ?? ''} failed: ${detail}`, {
      cause,
    });
  }
}
