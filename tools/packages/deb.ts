import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { aptHelper, runApt } from './apt.ts';
import { OfflinePackagesError } from './errors.ts';
import type { DebFile } from './set-index.ts';

/** Downloads a .deb the way apt would, its proxies and credentials included, and checks its digest. */
export async function downloadDeb(
  { name, version, url, sha256 }: DebFile,
  file: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const folder = await mkdtemp(`${file}.`);
  const temporary = join(folder, basename(file));
  try {
    await runApt(aptHelper, ['download-file', url, temporary, `SHA256:${sha256}`], environment);
    await rename(temporary, file);
  } catch (error) {
    if (!(error instanceof OfflinePackagesError) || error.code !== 'apt-failed') throw error;
    throw new OfflinePackagesError(
      'download-failed',
      `${name} ${version} cannot be fetched as apt's lists name it. Run \`apt-get update\` as root, or look at what the mirror serves.\n${error.message}`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lower-case hex; undefined where there is no such file. */
export async function sha256Of(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes && createHash('sha256').update(bytes).digest('hex');
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
    await runApt('dpkg-deb', ['--extract', deb, unpacked], process.env);
    const member = members.map((name) => join(unpacked, name)).find((path) => existsSync(path));
    if (member === undefined)
      throw new OfflinePackagesError('package-missing', `${deb} has no ${members.join(' or ')}.`);
    await copyFile(member, file);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
