import { spawnSync } from 'node:child_process';
import { SetupError } from './errors.mjs';
import { findCommand } from './workspace.mjs';

export const isRoot = process.getuid?.() === 0;

/**
 * What to put before a command that needs root: nothing as root, else sudo, which may ask for a password where a person can answer.
 *
 * @param {readonly string[]} wanted the command, for the message
 * @param {NodeJS.ProcessEnv} env
 * @returns {readonly string[]}
 * @throws {SetupError} `no-privilege`
 */
export function asRoot(wanted, env) {
  if (isRoot) return wanted;
  const sudo = findCommand('sudo', env['PATH']);
  if (sudo !== undefined) {
    if (spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) {
      return [sudo, '-n', '--', ...wanted];
    }
    if (process.stdin.isTTY) return [sudo, '--', ...wanted];
  }
  const reason =
    sudo === undefined
      ? 'sudo is not there'
      : 'sudo does not go without a password, with no terminal to ask for it';
  throw new SetupError(
    'no-privilege',
    `This needs root, and ${reason}. Run as root, then start again:\n  ${wanted.join(' ')}`,
  );
}
