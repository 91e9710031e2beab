import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SetupError } from './errors.mjs';
import { asRoot } from './privilege.mjs';
import { run } from './run.mjs';
import { findCommand, stateDir } from './workspace.mjs';

/** @typedef {'answers' | 'denied' | 'silent'} SocketState */

const startDeadlineMilliseconds = 10_000;

/** Whom Debian's package lets in. */
const debianGroup = 'nix-users';

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function daemonSocket(env) {
  return env['NIX_DAEMON_SOCKET_PATH'] || '/nix/var/nix/daemon-socket/socket';
}

/**
 * @param {string} socket
 * @returns {Promise<SocketState>}
 */
export function socketState(socket) {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve('answers');
    });
    connection.once('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      resolve(error.code === 'EACCES' ? 'denied' : 'silent');
    });
  });
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ readonly bySystemd: boolean, readonly command: readonly string[] }}
 */
function startCommand(env) {
  const bySystemd =
    findCommand('systemctl', env['PATH']) !== undefined && isDirectory('/run/systemd/system');
  const command = bySystemd
    ? ['systemctl', 'enable', '--now', 'nix-daemon.socket']
    : // setsid, so that no terminal's Ctrl-C ends the daemon of the whole host.
      ['setsid', '--fork', 'nix-daemon', '--daemon'];
  return { bySystemd, command };
}

/**
 * What root runs once Debian's package of the daemon is installed, for the daemon to answer this user.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {readonly (readonly string[])[]}
 */
export function daemonCommands(env) {
  return [joinCommand(debianGroup), startCommand(env).command];
}

/**
 * Starts the daemon: its systemd unit where systemd runs, else the program itself, which then stays until the host stops.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} say
 * @throws {SetupError} `nix-daemon`, `no-privilege`
 */
export async function startDaemon(env, say) {
  const socket = daemonSocket(env);
  const { bySystemd, command } = startCommand(env);
  if (bySystemd) {
    say(`Starting the Nix daemon: ${command.join(' ')}`);
    await mustSucceed(asRoot(command, env), env, 'inherit');
  } else {
    mkdirSync(stateDir, { recursive: true });
    const logFile = path.join(stateDir, 'nix-daemon.log');
    const started = asRoot(command, env);
    say(
      `Starting the Nix daemon in the background (no systemd here): ${started.join(' ')}\n  log: ${logFile}`,
    );
    const log = openSync(logFile, 'a');
    try {
      await mustSucceed(started, env, log);
    } finally {
      closeSync(log);
    }
  }
  const deadline = performance.now() + startDeadlineMilliseconds;
  while ((await socketState(socket)) === 'silent') {
    if (performance.now() > deadline) {
      throw new SetupError('nix-daemon', `The Nix daemon does not answer on ${socket}.`);
    }
    await delay(50);
  }
}

/**
 * The group that may reach the socket, from the folder it is in. Debian's package lets only `nix-users` in.
 *
 * @param {string} socket
 * @returns {string | undefined}
 */
export function socketGroup(socket) {
  const { gid } = statSync(path.dirname(socket));
  return readGroups().find((group) => group.gid === gid)?.name;
}

/**
 * The command line that runs another one as a member of the group: a membership counts only from the next login, sg makes it count now.
 *
 * @param {string} group
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} say
 * @returns {Promise<string>} sg's path
 * @throws {SetupError} `nix-daemon`, `no-privilege`, `install-failed`
 */
export async function joinGroup(group, env, say) {
  const { username } = userInfo();
  const members = readGroups().find(({ name }) => name === group)?.members ?? [];
  if (!members.includes(username)) {
    const command = joinCommand(group);
    say(
      `Only the group ${group} may use the Nix daemon. Adding ${username} to it: ${command.join(' ')}`,
    );
    await mustSucceed(asRoot(command, env), env, 'inherit');
  }
  const sg = findCommand('sg', env['PATH']);
  if (sg !== undefined) return sg;
  throw new SetupError(
    'nix-daemon',
    `${username} is in ${group} from the next login on: log out and in, then start again.`,
  );
}

/**
 * @param {string} group
 * @returns {readonly string[]}
 */
function joinCommand(group) {
  return ['usermod', '--append', '--groups', group, userInfo().username];
}

/**
 * https://man7.org/linux/man-pages/man5/group.5.html
 *
 * @returns {{ name: string, gid: number, members: string[] }[]}
 */
export function readGroups() {
  return parseGroups(readFileSync('/etc/group', 'utf8'));
}

/**
 * @param {string} text
 * @returns {{ name: string, gid: number, members: string[] }[]}
 */
export function parseGroups(text) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', , gid = '', members = ''] = line.split(':');
      return {
        name,
        gid: Number(gid),
        members: members.split(',').filter((member) => member !== ''),
      };
    });
}

/**
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @param {'inherit' | number} output
 */
async function mustSucceed(command, env, output) {
  const { code } = await run(command, { env, output });
  if (code !== 0)
    throw new SetupError('nix-daemon', `${command.join(' ')} failed (exit code ${code}).`);
}

/**
 * @param {string} name
 * @returns {boolean}
 */
function isDirectory(name) {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}
