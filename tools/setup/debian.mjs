import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { asRoot, requireRoot } from './privilege.mjs';
import { run } from './run.mjs';
import { findCommand } from './workspace.mjs';

/** @import { Requirement } from './requirements.mjs' */

const listsFolder = '/var/lib/apt/lists';
const listsMaxAgeDays = 7;
const policyFile = '/usr/sbin/policy-rc.d';

/**
 * Installs Debian packages, without their services: nothing that a test needs stays behind as a daemon.
 *
 * @param {readonly Requirement[]} missing
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly (readonly string[])[]} later what will be run as root after it, for who cannot
 * @throws {SetupError} `no-apt`, `no-privilege`, `install-failed`
 */
export async function installDebianPackages(missing, env, later) {
  const names = missing.map((requirement) => requirement.package);
  if (findCommand('apt-get', env['PATH']) === undefined) {
    throw new SetupError(
      'no-apt',
      `apt-get is not there. Install these with the system's own package manager (Debian's names): ${names.join(' ')}`,
    );
  }
  requireRoot([['apt-get', 'update'], ['apt-get', ...installing(names)], ...later], env);
  const units = missing.flatMap((requirement) => requirement.units ?? []);
  await (units.length === 0
    ? aptInstall(names, env)
    : withoutServiceStart(env, () => aptInstall(names, env)));
  await disableUnits(units, env);
}

/**
 * @param {readonly string[]} names
 * @returns {readonly string[]} apt-get's arguments
 */
function installing(names) {
  return ['install', '-y', '--no-install-recommends', ...names];
}

/**
 * @param {readonly string[]} names
 * @param {NodeJS.ProcessEnv} env
 */
async function aptInstall(names, env) {
  const install = installing(names);
  const fresh = listsAreFresh(listsFolder);
  if (!fresh) await apt(['update'], env);
  const first = await apt(install, env);
  if (first.code === 0) return;
  if (first.interrupted)
    throw new SetupError('install-failed', 'The installation was interrupted.');
  const updated = fresh ? await apt(['update'], env) : first;
  const second = fresh ? await apt(install, env) : first;
  if (second.code === 0) return;
  throw new SetupError(
    'install-failed',
    `apt-get ${install.join(' ')} failed:\n${updated.code === 0 ? '' : updated.output}${second.output}`,
  );
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function apt(args, env) {
  // Another apt may be at work, as just after boot: wait for it (seconds). sudo drops the environment, hence env.
  const options = ['-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=300'];
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args];
  return run(asRoot(command, env), { env, output: 'capture' });
}

/**
 * Are apt's package lists there, and young enough that what they name can still be downloaded?
 *
 * @param {string} folder
 * @returns {boolean}
 */
export function listsAreFresh(folder) {
  if (!existsSync(folder) || !readdirSync(folder).some((name) => name.endsWith('Release')))
    return false;
  // An update that finds nothing new still passes through `partial`.
  const times = [folder, path.join(folder, 'partial')]
    .filter(existsSync)
    .map((name) => statSync(name).mtimeMs);
  return Math.max(...times) > Date.now() - listsMaxAgeDays * 24 * 3600 * 1000;
}

/**
 * Keeps maintainer scripts from starting services meanwhile, unless the host has a policy of its own.
 * Debian Policy, section 9.3.3.1, and `/usr/share/doc/init-system-helpers/README.policy-rc.d.gz`.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {() => Promise<void>} action
 */
async function withoutServiceStart(env, action) {
  if (existsSync(policyFile)) return action();
  const folder = mkdtempSync(path.join(tmpdir(), 'nixery-setup-'));
  const source = path.join(folder, 'policy-rc.d');
  try {
    writeFileSync(source, '#!/bin/sh\nexit 101\n');
    await must(['install', '-m', '755', source, policyFile], env);
    return await action();
  } finally {
    rmSync(folder, { recursive: true });
    await must(['rm', '-f', policyFile], env);
  }
}

/**
 * Debian enables services for the next boot, too. Only packages installed just now come here, so no choice of the host is undone.
 *
 * @param {readonly string[]} units
 * @param {NodeJS.ProcessEnv} env
 */
async function disableUnits(units, env) {
  if (findCommand('systemctl', env['PATH']) === undefined) return;
  const present = units.filter((unit) =>
    ['/lib/systemd/system', '/usr/lib/systemd/system'].some((folder) =>
      existsSync(path.join(folder, unit)),
    ),
  );
  if (present.length > 0) await must(['systemctl', 'disable', '--quiet', ...present], env);
}

/**
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
async function must(command, env) {
  const { code, output } = await run(asRoot(command, env), { env, output: 'capture' });
  if (code !== 0) throw new SetupError('install-failed', `${command.join(' ')} failed:\n${output}`);
}
