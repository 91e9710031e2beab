import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { oneAtATime } from './locks.mjs';
import { run } from './run.mjs';
import { root, withoutModulesPath } from './workspace.mjs';

/**
 * One entry of a package-lock.json's `packages`.
 * npm's documentation: package-lock.json, `packages`.
 *
 * @typedef {{ readonly version?: string, readonly integrity?: string, readonly optional?: boolean }} LockedPackage
 */

/**
 * Does what is installed differ from what is locked? Packages for other platforms are optional and stay away.
 *
 * @param {Readonly<Record<string, LockedPackage>>} locked `packages` of package-lock.json
 * @param {Readonly<Record<string, LockedPackage>>} installed `packages` of the lock that npm writes into node_modules
 * @returns {boolean}
 */
export function modulesDiffer(locked, installed) {
  const surplus = Object.keys(installed).some((name) => locked[name] === undefined);
  if (surplus) return true;
  return Object.entries(locked).some(([name, wanted]) => {
    if (name === '') return false;
    const found = installed[name];
    if (found === undefined) return wanted.optional !== true;
    return found.version !== wanted.version || found.integrity !== wanted.integrity;
  });
}

/**
 * Why `npm ci` is needed, if it is.
 *
 * @param {string} [workspace]
 * @returns {string | undefined}
 */
export function modulesProblem(workspace = root) {
  const installed = readPackages(path.join(workspace, 'node_modules/.package-lock.json'));
  if (installed === undefined) return 'node_modules is not there';
  const locked = readPackages(path.join(workspace, 'package-lock.json'));
  if (locked === undefined || modulesDiffer(locked, installed)) {
    return 'package-lock.json has changed since node_modules was installed';
  }
  const pinned = `node_modules/node-${process.platform}-${process.arch}`;
  const linked = existsSync(path.join(workspace, 'node_modules/.bin/node'));
  if (installed[pinned] !== undefined && !linked) return 'node_modules is incomplete';
  return undefined;
}

/**
 * Installs what is locked. Two at once would delete what the other writes, so one waits, and then finds all there.
 *
 * @param {NodeJS.ProcessEnv} env
 * @throws {SetupError} `install-failed`
 */
export async function installModules(env) {
  const program = path.join(root, 'tools/setup/npm-ci.mjs');
  const { code } = await run(oneAtATime('modules', [process.execPath, program], env), {
    cwd: root,
    env: { ...env, PATH: withoutModulesPath(env['PATH']) },
    ownGroup: true,
    signals: 'group',
  });
  if (code !== 0) throw new SetupError('install-failed', `npm ci failed in ${root}`);
}

/**
 * @param {string} file
 * @returns {Record<string, LockedPackage> | undefined}
 */
function readPackages(file) {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}
