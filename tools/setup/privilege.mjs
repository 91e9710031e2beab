import { spawnSync } from 'node:child_process';
import { SetupError } from './errors.mjs';
import { findCommand } from './workspace.mjs';

export const isRoot = process.getuid?.() === 0;

/**
 * What to put before a command that needs root: nothing as root, else sudo, which may ask for a password where a person can answer.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ readonly prefix: readonly string[] } | { readonly obstacle: string }}
 */
function wayToRoot(env) {
  if (isRoot) return { prefix: [] };
  const sudo = findCommand('sudo', env['PATH']);
  if (sudo === undefined) return { obstacle: 'sudo is not there' };
  if (spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) {
    return { prefix: [sudo, '-n', '--'] };
  }
  if (process.stdin.isTTY) return { prefix: [sudo, '--'] };
  return { obstacle: 'sudo does not go without a password, with no terminal to ask for it' };
}

/**
 * @param {readonly string[]} wanted the command, for the message
 * @param {NodeJS.ProcessEnv} env
 * @returns {readonly string[]} the command that runs it as root
 * @throws {SetupError} `no-privilege`
 */
export function asRoot(wanted, env) {
  const way = wayToRoot(env);
  if ('prefix' in way) return [...way.prefix, ...wanted];
  throw noPrivilege(way.obstacle, [wanted]);
}

/**
 * Refuses where nothing can be run as root, with all that somebody else has to run: nobody should have to come back for each.
 *
 * @param {readonly (readonly string[])[]} commands
 * @param {NodeJS.ProcessEnv} env
 * @throws {SetupError} `no-privilege`
 */
export function requireRoot(commands, env) {
  const way = wayToRoot(env);
  if ('obstacle' in way) throw noPrivilege(way.obstacle, commands);
}

/**
 * @param {string} obstacle
 * @param {readonly (readonly string[])[]} commands
 * @returns {SetupError}
 */
function noPrivilege(obstacle, commands) {
  const lines = commands.map((command) => `  ${command.join(' ')}`);
  return new SetupError(
    'no-privilege',
    `This needs root, and ${obstacle}. Run as root, then start again:\n${lines.join('\n')}`,
  );
}
