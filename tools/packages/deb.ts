import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { aptHelper, runApt } from './apt.ts';
import { OfflinePackagesError } from './errors.ts';

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
    await runApt(aptHelper, ['download-file', url, temporary, `SHA256:${sha256}`], environment);
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
    await runApt('dpkg-deb', ['--extract', deb, unpacked], process.env);
    const member = members.map((name) => join(unpacked, name)).find((path) => existsSync(path));
    if (member === undefined)
      throw new OfflinePackagesError('package-missing', `${deb} has no ${members.join(' or ')}.`);
    await copyFile(member, file);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
