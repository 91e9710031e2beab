import path from 'node:path';
import { run } from './run.mjs';
import { findCommand, nodeBinary, root, stateDir, tool } from './workspace.mjs';

const sources = ['NIXERY_CHANNEL', 'NIXERY_PKGS_REPO', 'NIXERY_PKGS_PATH'];

/** The package set that needs no nixpkgs: Debian's packages as Nix packages. */
export const offlinePackages = path.join(stateDir, 'packages');

/**
 * What a first `npm start` runs with. Anything the environment sets stays as it is.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ readonly hasApt: boolean }} host
 * @returns {Record<string, string>}
 */
export function serverDefaults(env, { hasApt }) {
  const chosen = sources.some((name) => env[name]);
  /** @type {Record<string, string>} */
  const source = hasApt
    ? { NIXERY_PKGS_PATH: offlinePackages }
    : { NIXERY_CHANNEL: 'nixos-unstable' };
  const defaults = {
    NIXERY_HOST: '127.0.0.1',
    PORT: '8080',
    NIXERY_STORAGE_BACKEND: 'filesystem',
    STORAGE_PATH: path.join(stateDir, 'storage'),
    NIXERY_STATE_DIR: path.join(stateDir, 'state'),
    ...(chosen ? {} : source),
  };
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !env[name]));
}

/**
 * Builds, then runs the server until it ends.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
export async function start(env) {
  const defaults = serverDefaults(env, {
    hasApt: findCommand('apt-get', env['PATH']) !== undefined,
  });
  const [build, packages] = await Promise.all([
    run([...tool('tsc'), '-b', 'apps/registry'], { cwd: root, env }),
    defaults['NIXERY_PKGS_PATH'] === offlinePackages ? preparePackages(env) : undefined,
  ]);
  if (build.code !== 0) return build.code;
  if (packages !== undefined && packages.code !== 0) return packages.code;
  const { code } = await run([nodeBinary(), path.join(root, 'apps/registry/dist/main.js')], {
    cwd: root,
    env: { ...env, ...defaults },
    ownGroup: true,
    signals: 'process',
  });
  return code;
}

/**
 * @param {NodeJS.ProcessEnv} env
 */
export function preparePackages(env) {
  return run([nodeBinary(), path.join(root, 'tools/packages/prepare.ts'), offlinePackages], {
    cwd: root,
    env,
  });
}
