import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { findCommand, stateDir } from './workspace.mjs';

/**
 * The command, to wait while another is run with this lock. flock stays to hold it: Node closes files that it has inherited
 * where it becomes another program, as TypeScript has it do. The manual page flock(1).
 *
 * @param {string} name of the lock
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [folder] where locks are; it is made
 * @returns {readonly string[]}
 */
export function oneAtATime(name, command, env, folder = stateDir) {
  const flock = findCommand('flock', env['PATH']);
  if (flock === undefined) return command;
  mkdirSync(folder, { recursive: true });
  return [flock, path.join(folder, `${name}.lock`), ...command];
}
