import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const stopDeadlineMs = 60_000;

/** A server process of a test: its output is collected, and it dies with the test process. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv) {
    // A killed test process cannot stop it; the kernel does.
    const args = ['--pdeathsig', 'SIGTERM', '--', ...argv];
    this.#child = spawn('setpriv', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    // Awaited by stop() only; until then a failed start shows as an ended process.
    this.#exited.catch(() => {});
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (this.#stdout += chunk));
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.#stderr += chunk));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** All that it printed, the standard output first. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Waits until `ready` gives something.
   *
   * @param deadlineMs from now
   * @throws Error with the output when the process ends first, or the time is over
   */
  async until<T>(ready: () => Promise<T | undefined>, deadlineMs: number): Promise<T> {
    const started = performance.now();
    for (;;) {
      const value = await ready();
      if (value !== undefined) return value;
      const waited = performance.now() - started;
      if (this.ended || waited > deadlineMs) {
        const exit = this.#child.exitCode ?? this.#child.signalCode;
        throw new Error(
          `${this.ended ? `ended (${exit})` : `not ready in ${deadlineMs} ms`}:\n${this.output}`,
        );
      }
      await delay(20);
    }
  }

  /** Ends it as a crash or the kernel does: at once, with nothing said. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Sends it a signal that it may live through. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /**
   * SIGTERM, and SIGKILL where that is not enough.
   *
   * @returns the exit code; null after a signal
   */
  async stop(): Promise<number | null> {
    if (!this.ended) {
      this.#child.kill('SIGTERM');
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), stopDeadlineMs);
      await this.#exited;
      clearTimeout(killer);
    }
    return this.#child.exitCode;
  }
}
