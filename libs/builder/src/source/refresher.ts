import { run } from '../process/run.ts';
import { SingleFlight } from '../single-flight.ts';

/** For one run of the program (ms). */
const DEADLINE_MS = 120_000;

/** A package that fails for another reason fails again after this; it must not start the program each time (ms). */
const INTERVAL_MS = 10 * 60 * 1000;

/** The same where the program has failed: what it asks may be back soon (ms). */
const FAILED_INTERVAL_MS = 60 * 1000;

export interface RefresherOptions {
  /** Run without arguments; it must end with code 0. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** A clock that never goes back (ms). */
  readonly now?: () => number;
}

/**
 * Runs the program that brings a package set up to date: once for all who ask, and not again for ten minutes, or for one
 * where it failed.
 */
export class Refresher {
  readonly #options: RefresherOptions;
  readonly #now: () => number;
  readonly #running = new SingleFlight<boolean>();
  #last = { beganAt: -Infinity, endedAt: -Infinity, succeeded: true };

  constructor(options: RefresherOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * @param since when what failed was begun: a set that became up to date after that need not be brought so again
   * @returns whether the set is up to date, and was not at `since`
   */
  async refresh(signal: AbortSignal, since: number): Promise<boolean> {
    const { endedAt, succeeded } = this.#last;
    if (succeeded && endedAt > since) return true;
    return await this.#running.join('refresh', () => this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<boolean> {
    const beganAt = this.#now();
    const interval = this.#last.succeeded ? INTERVAL_MS : FAILED_INTERVAL_MS;
    if (beganAt - this.#last.beganAt < interval) return false;
    const succeeded = await this.#start(signal);
    this.#last = { beganAt, endedAt: this.#now(), succeeded };
    return succeeded;
  }

  async #start(signal: AbortSignal): Promise<boolean> {
    const { env, program } = this.#options;
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
