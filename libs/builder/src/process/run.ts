import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { leash, type OrphanSignal } from './leash.ts';
import { redactSecrets } from './redact.ts';

/** After SIGTERM, how long a process has before SIGKILL (ms). Nix needs it: killed at once, it orphans its builders. */
const KILL_AFTER_MS = 10_000;

export interface RunOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The process is ended after this time (ms). */
  readonly deadlineMs: number;
  /** The process is ended when it prints more than this (bytes). */
  readonly maxOutput?: number;
  /** Ends the process when aborted. */
  readonly signal?: AbortSignal | undefined;
  readonly onStderrLine?: (line: string) => void;
  /**
   * What the process gets when this server is killed. SIGTERM, the default, lets it end its children and remove its files. SIGKILL
   * is for what writes to the Nix store and builds nothing: in the middle of writing, a client of the daemon (Nix 2.8) that is told
   * to end waits for ever for an answer to what it no longer sends.
   */
  readonly whenOrphaned?: OrphanSignal;
}

/** How a process ended. */
export interface RunResult {
  /** `exited`: by itself, see `code`. The others: we ended it, for that reason. */
  readonly outcome: 'exited' | 'deadline' | 'aborted' | 'too-much-output';
  /** Exit code, null when a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  /** The last lines of standard error, 8 KiB at most, without secrets. */
  readonly stderr: string;
}

const MAX_STDERR = 8 * 1024;
const DEFAULT_MAX_OUTPUT = 64 * 1024 * 1024;

/**
 * Runs a program with an argument array: no shell ever sees the arguments. Both pipes are always drained, the process
 * leads a group of its own, and the group gets SIGTERM, later SIGKILL, on a deadline, an abort or too much output.
 *
 * @throws the system's error (`ENOENT`, `EACCES`, …) when the program cannot be started
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { command, args, env, deadlineMs, signal, onStderrLine } = options;
  const { whenOrphaned = 'SIGTERM' } = options;
  const maxOutput = options.maxOutput ?? DEFAULT_MAX_OUTPUT;
  if (signal?.aborted) return { outcome: 'aborted', code: null, stdout: '', stderr: '' };

  const [program, ...programArgs] = await leash(command, args, whenOrphaned);
  const child = spawn(program, programArgs, {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let outcome: RunResult['outcome'] = 'exited';
  let killTimer: NodeJS.Timeout | undefined;
  function kill(name: NodeJS.Signals): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  }
  function end(reason: RunResult['outcome']): void {
    if (outcome !== 'exited') return;
    outcome = reason;
    kill('SIGTERM');
    killTimer = setTimeout(() => kill('SIGKILL'), KILL_AFTER_MS);
  }
  const deadline = setTimeout(() => end('deadline'), deadlineMs);
  const onAbort = (): void => end('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  // It may have come while the program was looked for.
  if (signal?.aborted) onAbort();

  const stdout: Buffer[] = [];
  let stdoutLength = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    stdoutLength += chunk.length;
    if (stdoutLength > maxOutput) end('too-much-output');
    else stdout.push(chunk);
  });
  let stderr = '';
  createInterface({ input: child.stderr, crlfDelay: Infinity }).on('line', (line) => {
    // Redacted line by line: a secret that is cut in two is not seen any more.
    stderr = `${stderr}${redactSecrets(line)}\n`.slice(-MAX_STDERR);
    onStderrLine?.(line);
  });

  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { outcome, code, stdout: Buffer.concat(stdout).toString('utf8'), stderr };
  } finally {
    clearTimeout(deadline);
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', onAbort);
  }
}
