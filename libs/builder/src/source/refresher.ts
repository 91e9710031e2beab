import { run } from '../process/run.ts';
import { SingleFlight } from '../single-flight.ts';

/** For one run of the program (ms). */
const DEADLINE_MS = 120_000;

/** A package that fails for another reason fails again after this; it must not start the program each time (ms). */
const INTERVAL_MS = 10 * 60 * 1000;

export interface RefresherOptions {
  /** Run without arguments; it must end with code 0. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** A clock that never goes back (ms). */
  readonly now?: () => number;
}

/** Runs the program that brings a package set up to date: once for all who ask, and not again for ten minutes. */
export class Refresher {
  readonly #options: RefresherOptions;
  readonly #running = new SingleFlight<boolean>();
  #last = -Infinity;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** @returns whether the program has run to its end, now */
  async refresh(signal: AbortSignal): Promise<boolean> {
    return await this.#running.join('refresh', () => this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<boolean> {
    const { env, now = () => performance.now(), program } = this.#options;
    if (now() - this.#last < INTERVAL_MS) return false;
    this.#last = now();
    try {
      const result = await run({
        command: program,
        args: [],
        env,
        deadlineMs: DEADLINE_MS,
        signal,
      });
      return result.outcome === 'exited' && result.code === 0;
    } catch {
      // It cannot be started; the build's own failure says more to those who wait.
      return false;
    }
  }
}
