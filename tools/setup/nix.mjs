import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { singleUserNixConfig } from './nix-config.mjs';
import {
  daemonSocket,
  joinGroup,
  readGroups,
  socketGroup,
  socketState,
  startDaemon,
} from './nix-daemon.mjs';
import { isRoot } from './privilege.mjs';

/** @import { Requirement } from './requirements.mjs' */

/** @type {Requirement} */
const daemonPackage = {
  package: 'nix-setup-systemd',
  why: 'the Nix daemon, its build users and group: builds for those who are not root',
  probe: { file: '/usr/lib/tmpfiles.d/nix-daemon.conf' },
};

/** Where Nix's own installer puts its commands; not every process gets them on PATH. */
const installerFolders = ['/nix/var/nix/profiles/default/bin'];

/**
 * PATH with Nix's own folders at its end.
 *
 * @param {string | undefined} searchPath
 * @param {string} [home]
 * @returns {string}
 */
export function withNixPath(searchPath, home = homedir()) {
  const folders = [path.join(home, '.nix-profile/bin'), ...installerFolders];
  const known = (searchPath ?? '').split(':');
  return [
    ...known,
    ...folders.filter((folder) => existsSync(folder) && !known.includes(folder)),
  ].join(':');
}

/**
 * Who builds: this user alone (root, or the owner of the Nix store), or the daemon. NIX_REMOTE is the host's own choice.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {boolean}
 */
function needsDaemon(env) {
  return !isRoot && !env['NIX_REMOTE'] && !isWritable('/nix/var/nix');
}

/**
 * The Debian package of the Nix daemon, where the daemon is needed and nothing of one is there.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Requirement[]}
 */
export function missingDaemonPackage(env) {
  if (!needsDaemon(env) || existsSync(path.dirname(daemonSocket(env)))) return [];
  return [daemonPackage];
}

/**
 * Makes Nix usable for this user.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} say
 * @returns {Promise<{ env: NodeJS.ProcessEnv, sg?: { file: string, group: string } }>} what to add to the environment,
 * and the way into a group where this process must be started again inside it
 */
export async function prepareNix(env, say) {
  if (isRoot) {
    const groups = new Set(readGroups().map((group) => group.name));
    const config = env['NIX_REMOTE']
      ? undefined
      : singleUserNixConfig({ env, home: homedir(), groups });
    return { env: config === undefined ? {} : { NIX_CONFIG: config } };
  }
  if (!needsDaemon(env)) return { env: {} };
  const socket = daemonSocket(env);
  const state = await socketState(socket);
  if (state === 'answers') return { env: {} };
  if (state === 'silent') await startDaemon(env, say);
  if ((await socketState(socket)) !== 'denied') return { env: {} };
  const group = socketGroup(socket);
  if (group === undefined) return { env: {} };
  return { env: {}, sg: { file: await joinGroup(group, env, say), group } };
}

/**
 * @param {string} folder
 * @returns {boolean}
 */
function isWritable(folder) {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
