import path from 'node:path';
import { oneAtATime } from './locks.mjs';
import { run } from './run.mjs';
import { findCommand, nodeBinary, root, stateDir, tool } from './workspace.mjs';

const sources = ['NIXERY_CHANNEL', 'NIXERY_PKGS_REPO', 'NIXERY_PKGS_PATH'];

/** The package set that needs no nixpkgs: Debian's packages as Nix packages. */
export const offlinePackages = path.join(stateDir, 'packages');

/** Makes it anew when a .deb that it names is gone. */
const refreshProgram = path.join(root, 'tools/packages/refresh.ts');

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
    ? { NIXERY_PKGS_PATH: offlinePackages, NIXERY_PKGS_REFRESH: refreshProgram }
    : { NIXERY_CHANNEL: 'nixos-unstable' };
  const defaults = {
    NIXERY_HOST: '127.0.0.1',
    PORT: '8080',
    NIXERY_STORAGE_BACKEND: 'filesystem',
    STORAGE_PATH: path.join(stateDir, 'storage'),
    NIXERY_STATE_DIR: path.join(stateDir, 'state'),
    NIXERY_LOG_FORMAT: 'pretty',
    ...(chosen ? {} : source),
  };
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !env[name]));
}

/**
 * Runs the server until it ends: the built one, or with `watch` the sources, started again whenever one of them changes.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ readonly watch: boolean }} options
 * @returns {Promise<number>} the exit code
 */
export async function start(env, { watch }) {
  const defaults = serverDefaults(env, {
    hasApt: findCommand('apt-get', env['PATH']) !== undefined,
  });
  const preparations = await Promise.all([
    ...(watch ? [] : [run(buildCommand(env), { cwd: root, env })]),
    ...(defaults['NIXERY_PKGS_PATH'] === offlinePackages ? [preparePackages(env)] : []),
  ]);
  const failed = preparations.find((preparation) => preparation.code !== 0);
  if (failed !== undefined) return failed.code;
  const program = watch
    ? ['--watch', '--conditions=@nixery/source', path.join(root, 'apps/registry/src/main.ts')]
    : [path.join(root, 'apps/registry/dist/main.js')];
  const { code } = await run([nodeBinary(), ...program], {
    cwd: root,
    env: { ...env, ...defaults },
    ownGroup: true,
    signals: 'process',
  });
  return code;
}

/**
 * A second `npm start` would write anew what the server of the first one is loading; once it has waited, it finds nothing to do.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function buildCommand(env) {
  return oneAtATime('build', [...tool('tsc'), '-b', 'apps/registry'], env);
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
