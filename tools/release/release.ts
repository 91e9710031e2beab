import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, realpath, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

import { nodeBinary } from '../setup/workspace.mjs';
import { ReleaseError } from './errors.ts';
import { neededFolders, parseLock } from './lock.ts';

const workspace = fileURLToPath(new URL('../..', import.meta.url));
const project = 'apps/registry';

/** What is of use to who develops it. */
const UNNEEDED = /\.(?:d\.[cm]?ts|map|tsbuildinfo)$/;

/** What npm would publish of a project. npm's documentation: package.json, `files`. */
const manifest = z.object({ name: z.string(), files: z.array(z.string()) });

/**
 * Lays out the built server with all that it needs but Nix and git, to be run in whatever place the folder is put:
 * `DIR/bin/node DIR/apps/registry/dist/main.js`.
 *
 * @param dir is made; it may be there, if it is empty
 * @throws ReleaseError
 */
export async function layOutRelease(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length > 0) {
    throw new ReleaseError('not-empty', `${dir} is not empty: name a folder that is to be made`);
  }
  const lock = parseLock(await readFile(join(workspace, 'package-lock.json'), 'utf8'));
  for (const folder of neededFolders(lock, project)) {
    if (!folder.includes('node_modules/')) await copyProject(folder, dir);
    else if (lock[folder]?.optional !== true || existsSync(join(workspace, folder))) {
      await copyModule(folder, dir);
    }
  }
  await mkdir(join(dir, 'bin'));
  await cp(await realpath(nodeBinary()), join(dir, 'bin/node'));
  await cp(join(workspace, 'LICENSE'), join(dir, 'LICENSE'));
}

async function copyModule(folder: string, dir: string): Promise<void> {
  // What the folder holds in its own node_modules is listed by itself: part of it may serve development alone.
  const nested = join(workspace, folder, 'node_modules');
  await copy(folder, dir, (source) => source !== nested).catch((error: unknown) => {
    throw new ReleaseError('not-installed', `${folder} cannot be copied: run npm ci`, {
      cause: error,
    });
  });
}

async function copyProject(folder: string, dir: string): Promise<void> {
  const text = await readFile(join(workspace, folder, 'package.json'), 'utf8');
  const { name, files } = manifest.parse(JSON.parse(text));
  for (const file of ['package.json', ...files]) {
    await copy(join(folder, file), dir).catch((error: unknown) => {
      throw new ReleaseError('not-built', `${folder}/${file} cannot be copied: npm run build`, {
        cause: error,
      });
    });
  }
  const link = join(dir, 'node_modules', name);
  await mkdir(dirname(link), { recursive: true });
  await symlink(relative(dirname(link), join(dir, folder)), link);
}

async function copy(
  path: string,
  dir: string,
  wanted: (source: string) => boolean = () => true,
): Promise<void> {
  await cp(join(workspace, path), join(dir, path), {
    recursive: true,
    filter: (source) => wanted(source) && !UNNEEDED.test(source),
  });
}
