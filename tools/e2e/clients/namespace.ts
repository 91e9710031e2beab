import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CapturedResult, type CommandOptions, runCommand } from './command.ts';

const init = fileURLToPath(new URL('namespace-init.sh', import.meta.url));
const cgroupRoot = '/sys/fs/cgroup';
const daemonDeadlineMs = 120_000;

/**
 * PID and mount namespaces of one client's own. Whatever it starts or mounts, and what it writes to /run or /var/lib, is
 * gone with them: at {@link stop}, or when this process dies. The network is the host's.
 */
export class Namespace {
  /** For the client's own files. */
  readonly dir: string;
  /** Parent of the control groups of the client's containers: these alone outlive a namespace. */
  readonly cgroup: string;
  readonly #init: ChildProcess;
  readonly #pid: number;
  readonly #exited: Promise<unknown>;

  private constructor(dir: string, process: ChildProcess, pid: number, exited: Promise<unknown>) {
    this.dir = dir;
    this.cgroup = `nixery-test-${pid}`;
    this.#init = process;
    this.#pid = pid;
    this.#exited = exited;
  }

  /**
   * @param dir an empty temporary folder
   * @throws Error where the kernel or missing rights do not allow namespaces
   */
  static async create(dir: string): Promise<Namespace> {
    for (const folder of ['home', 'tmp']) mkdirSync(path.join(dir, folder));
    const unshare = ['--mount', '--pid', '--fork', '--kill-child'];
    const child = spawn('unshare', [...unshare, 'bash', init], { stdio: ['pipe', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    for await (const line of createInterface({ input: child.stdout })) {
      return new Namespace(dir, child, Number(line), exited);
    }
    await exited;
    throw new Error(`no namespace for a container client:\n${errors}`);
  }

  /** Runs a program inside to its end. */
  run(argv: readonly string[], options: Omit<CommandOptions, 'env'> = {}): Promise<CapturedResult> {
    return runCommand(this.#inside(argv), { ...options, env: this.#environment() });
  }

  /**
   * Runs a program inside to its end.
   *
   * @throws Error with what it printed, unless it ends with 0
   */
  async mustRun(argv: readonly string[]): Promise<CapturedResult> {
    const result = await this.run(argv);
    if (result.code === 0) return result;
    throw new Error(`${argv.join(' ')}: exit code ${result.code}\n${result.output}`);
  }

  /**
   * Starts a daemon inside.
   *
   * @param probe a program that ends with 0 once the daemon serves
   * @throws Error with the daemon's log when it ends, or does not serve in time
   */
  async startDaemon(argv: readonly string[], probe: readonly string[]): Promise<void> {
    const logFile = path.join(this.dir, 'daemon.log');
    const log = openSync(logFile, 'a');
    const [file = '', ...args] = this.#inside(argv);
    const daemon = spawn(file, args, { stdio: ['ignore', log, log], env: this.#environment() });
    closeSync(log);
    const started = performance.now();
    while ((await this.run(probe)).code !== 0) {
      if (daemon.exitCode !== null || performance.now() - started > daemonDeadlineMs) {
        throw new Error(`${argv[0]} does not serve:\n${readFileSync(logFile, 'utf8')}`);
      }
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    this.#init.stdin?.end();
    await this.#exited;
    await removeCgroups(this.cgroup);
  }

  /**
   * With the umask that services have: containerd makes a container's root folder with its own, whatever the image says.
   * https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#UMask=
   */
  #inside(argv: readonly string[]): string[] {
    const enter = ['nsenter', '--target', String(this.#pid), '--mount', '--pid', '--'];
    return withUmask('022', [...enter, ...argv]);
  }

  /** The host's settings of a client do not reach it. */
  #environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: path.join(this.dir, 'home'),
      TMPDIR: path.join(this.dir, 'tmp'),
      XDG_RUNTIME_DIR: '/run',
      LANG: 'C.UTF-8',
    };
  }
}

/** One hierarchy with cgroup v2, one a controller with v1. */
async function removeCgroups(name: string): Promise<void> {
  const controllers = readdirSync(cgroupRoot, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(cgroupRoot, entry.name));
  for (const parent of [cgroupRoot, ...controllers]) {
    await removeCgroup(path.join(parent, name));
  }
}

async function removeCgroup(folder: string): Promise<void> {
  for (const entry of readEntries(folder)) {
    if (entry.isDirectory()) await removeCgroup(path.join(folder, entry.name));
  }
  // The kernel holds a group until its last process, killed with the namespace, has been reaped.
  for (let attempt = 0; ; attempt += 1) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === 50) throw error;
      await delay(20);
    }
  }
}

function readEntries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** The command line that runs a command with this umask, in octal. */
export function withUmask(umask: string, argv: readonly string[]): string[] {
  return ['sh', '-c', 'umask "$0"; exec "$@"', umask, ...argv];
}
