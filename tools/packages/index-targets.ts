import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { aptHelper, runApt } from './apt.ts';
import type { PackagesFile } from './control.ts';
import { OfflinePackagesError } from './errors.ts';

/** One `Packages` file that apt knows of: the manual page apt-get(8), `indextargets`. */
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

/** The host's Debian targets. Throws `apt-missing`, `lists-missing` and `unsupported-source`. */
export async function hostTargets(environment: NodeJS.ProcessEnv): Promise<readonly IndexTarget[]> {
  const known = await indexTargets(environment);
  const targets = selectDebian(known, await hostCodename());
  const usable = targets.filter(({ file }) => existsSync(file));
  if (usable.length > 0) return usable;
  // Without its list apt cannot say whose an archive is.
  const complete = known.length > 0 && known.every(({ file }) => existsSync(file));
  if (complete && targets.length === 0) {
    const origins = [...new Set(known.map(({ origin }) => origin))].join(', ');
    throw new OfflinePackagesError(
      'unsupported-source',
      `The offline package set is made of Debian's packages; apt on this machine has those of ${origins}. Configure another package source.`,
    );
  }
  throw new OfflinePackagesError(
    'lists-missing',
    'apt has no lists of a Debian archive. Run `apt-get update` as root, or configure another package source.',
  );
}

/** Decompresses the lists. */
export async function readPackagesFiles(
  targets: readonly IndexTarget[],
  environment: NodeJS.ProcessEnv,
): Promise<readonly PackagesFile[]> {
  return await Promise.all(
    targets.map(async ({ archiveUrl, file }) => ({
      archiveUrl,
      text: await runApt(aptHelper, ['cat-file', file], environment),
    })),
  );
}

/** Every `Packages` file that apt knows of in this environment. */
export async function indexTargets(
  environment: NodeJS.ProcessEnv,
): Promise<readonly IndexTarget[]> {
  const format = targetFields.map((name) => `$(${name})`).join('\t');
  return parseIndexTargets(
    await runApt(
      'apt-get',
      ['indextargets', '--format', format, 'Created-By: Packages'],
      environment,
    ),
  );
}

async function hostCodename(): Promise<string | undefined> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(.*)$/m.exec(text)?.[1];
}
