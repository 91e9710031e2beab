import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './errors.mjs';

/** The workspace's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What a running registry and the set-up keep: ignored by git, safe to delete. */
export const stateDir = path.join(root, '.nixery');

/** Where Node keeps what it has compiled: with it, programs and threads start in half the time. */
export const compileCache = path.join(stateDir, 'compile-cache');

const administratorPath = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * PATH with the administrator's folders at its end: daemons are there, and Debian's users do not have them.
 *
 * @param {string | undefined} searchPath
 * @returns {string}
 */
export function withAdministratorPath(searchPath) {
  const folders = (searchPath ?? '/usr/local/bin:/usr/bin:/bin').split(':');
  return [...folders, ...administratorPath.filter((folder) => !folders.includes(folder))].join(':');
}

/**
 * PATH without npm's additions, so that `npm` and `node` are the host's own. `npm ci` deletes the others while it runs.
 *
 * @param {string | undefined} searchPath
 * @returns {string}
 */
export function withoutModulesPath(searchPath) {
  return (searchPath ?? '')
    .split(':')
    .filter((folder) => !folder.includes('/node_modules/'))
    .join(':');
}

/**
 * The first executable file of that name on a search path.
 *
 * @param {string} command
 * @param {string | undefined} searchPath
 * @returns {string | undefined}
 */
export function findCommand(command, searchPath) {
  for (const folder of withAdministratorPath(searchPath).split(':')) {
    const file = path.join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * The Node that everything of the workspace runs on: the pinned one, or a host's own that is new enough.
 *
 * @returns {string}
 * @throws {SetupError} `no-node`
 */
export function nodeBinary() {
  const pinned = path.join(root, 'node_modules/.bin/node');
  if (existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  throw new SetupError(
    'no-node',
    `The registry needs Node 24; this is ${process.version}, and none is pinned for ${process.platform}-${process.arch}. Put Node 24 or later on PATH.`,
  );
}

/**
 * A tool of node_modules as a command: its script on the pinned Node, without the cost of starting npx.
 *
 * @param {string} name
 * @returns {[string, string]}
 */
export function tool(name) {
  return [nodeBinary(), path.join(root, 'node_modules/.bin', name)];
}
