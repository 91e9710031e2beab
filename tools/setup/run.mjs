import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { findCommand } from './workspace.mjs';

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {'inherit' | 'capture' | number} [output] Where both outputs go: the terminal, the result, or a file descriptor.
 * @property {boolean} [ownGroup] In a session of its own: a terminal's Ctrl-C reaches it only through this process, once.
 * @property {'process' | 'group'} [signals] Who in such a session gets the signals passed on: its first process, or all of them.
 */

/**
 * @typedef {object} RunResult
 * @property {number} code 128 + the signal's number where a signal ended it, as shells have it
 * @property {string} output what it printed, with `output: 'capture'`
 * @property {boolean} interrupted a signal to this process was passed on
 */

/**
 * npm repeats the Ctrl-C that the terminal has sent to everyone. A second one within this time is that echo, not a person's
 * second Ctrl-C, which servers take as "at once".
 */
const echoMilliseconds = 500;

/** How often a process that npm started looks whether npm is still there. */
const parentCheckMilliseconds = 200;

/**
 * Runs a command to its end. SIGINT and SIGTERM to this process are passed on, and its own death (where setpriv exists)
 * arrives as SIGTERM, so no child is left behind.
 *
 * @param {readonly string[]} command
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 */
export function run(command, options = {}) {
  const { cwd, env = process.env, output = 'inherit', ownGroup = false } = options;
  const [file = '', ...args] = ownGroup ? dyingWithParent(command, env) : command;
  return new Promise((resolve, reject) => {
    const sink = output === 'capture' ? 'pipe' : output;
    // Listens before there is a child: a signal that comes meanwhile is passed on as soon as there is one.
    let interrupted = false;
    /** @type {number | undefined} */
    let pid;
    const stopPassing = passSignals((signal) => {
      interrupted = true;
      if (pid === undefined) return;
      process.kill(ownGroup && options.signals === 'group' ? -pid : pid, signal);
    });
    const child = spawn(file, args, {
      cwd,
      env,
      detached: ownGroup,
      stdio: [ownGroup ? 'ignore' : 'inherit', sink, sink],
    });
    pid = child.pid;
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    }
    child.once('error', (error) => {
      stopPassing();
      reject(error);
    });
    child.once('close', (code, signal) => {
      stopPassing();
      resolve({ code: exitCode(code, signal), output: text, interrupted });
    });
  });
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 * @returns {number}
 */
function exitCode(code, signal) {
  if (signal === null) return code ?? 1;
  return 128 + constants.signals[signal];
}

/**
 * A killed parent passes no signal on; the kernel then does. https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 *
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @returns {readonly string[]}
 */
function dyingWithParent(command, env) {
  const setpriv = findCommand('setpriv', env['PATH']);
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'SIGTERM', '--', ...command];
}

/**
 * SIGHUP is left alone: `nohup` works by having it ignored, and a handler would undo that.
 *
 * @param {(signal: NodeJS.Signals) => void} pass
 * @returns {() => void} ends it
 */
function passSignals(pass) {
  let lastPassed = 0;
  /** @param {NodeJS.Signals} signal */
  function onSignal(signal) {
    const now = performance.now();
    if (lastPassed !== 0 && now - lastPassed < echoMilliseconds) return;
    lastPassed = now;
    try {
      pass(signal);
    } catch {
      // It has ended in the meantime.
    }
  }
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const watch = watchParent(() => onSignal('SIGTERM'));
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    clearInterval(watch);
  };
}

/**
 * npm signals the shell between it and this process, and not every shell passes signals on.
 *
 * @param {() => void} onDeath
 * @returns {NodeJS.Timeout | undefined}
 */
function watchParent(onDeath) {
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    onDeath();
  }, parentCheckMilliseconds);
  return watch.unref();
}
