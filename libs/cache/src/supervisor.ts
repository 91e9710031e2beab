import type { Worker } from 'node:worker_threads';
import type { FromActor, ToActor } from './messages.ts';
import { decodeReport, encodeAsks } from './wire.ts';

/**
 * - `starting`: the thread runs, its database is not open yet; messages wait in its port
 * - `ready`: it answers
 * - `down`: it died, and waits for its restart
 * - `stopped`: for good
 */
export type ActorState = 'starting' | 'ready' | 'down' | 'stopped';

/** ms. The pause doubles from crash to crash, until the thread has stayed up for `healthyMs`. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly healthyMs: number;
}

export interface SupervisorOptions {
  /** Starts a thread. Tests pass one that they can kill. */
  readonly start: () => Worker;
  readonly backOff: BackOff;
  readonly onMessage: (message: FromActor) => void;
  /** The thread died; `restartInMs` says when the next one starts. */
  readonly onCrash: (error: Error, restartInMs: number) => void;
}

/** Keeps one actor thread alive. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #worker: Worker | undefined;
  #state: ActorState = 'down';
  #restarts = 0;
  #pauseMs: number;
  #readyAt: number | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #killedFor: Error | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pauseMs = options.backOff.firstMs;
    this.#startThread();
  }

  get state(): ActorState {
    return this.#state;
  }

  /** How often the thread has died. */
  get restarts(): number {
    return this.#restarts;
  }

  post(asks: ToActor): void {
    this.#worker?.postMessage(encodeAsks(asks));
  }

  /** Ends a thread that has stopped answering; what follows is the same as after a crash. */
  kill(reason: Error): void {
    this.#killedFor = reason;
    void this.#worker?.terminate();
  }

  /**
   * Lets no new thread start, and waits for this one to end by itself; after the deadline ends it.
   *
   * @param askToStop - tells the thread to finish; called when there is one
   */
  async stop(askToStop: () => void, deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(askToStop, deadlineMs);
    await this.#stopping;
  }

  async #stop(askToStop: () => void, deadlineMs: number): Promise<void> {
    clearTimeout(this.#restartTimer);
    const worker = this.#worker;
    this.#state = 'stopped';
    if (worker === undefined) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const deadline = setTimeout(() => void worker.terminate(), deadlineMs);
    askToStop();
    await exited;
    clearTimeout(deadline);
  }

  #startThread(): void {
    this.#readyAt = undefined;
    const worker = this.#options.start();
    let cause: Error | undefined;
    this.#killedFor = undefined;
    this.#worker = worker;
    this.#state = 'starting';
    worker.on('message', (text: unknown) => {
      // Under `node --watch` a thread also posts which modules it loads: https://nodejs.org/api/cli.html#--watch
      if (typeof text !== 'string') return;
      const message = decodeReport(text);
      if (message.type === 'ready' && this.#state === 'starting') {
        this.#state = 'ready';
        this.#readyAt = performance.now();
      }
      this.#options.onMessage(message);
    });
    worker.on('error', (error) => {
      cause = asError(error);
    });
    worker.once('exit', (code) => {
      const reason = cause ?? this.#killedFor;
      this.#ended(reason ?? new Error(`the cache actor's thread ended with exit code ${code}`));
    });
  }

  #ended(error: Error): void {
    this.#worker = undefined;
    if (this.#state === 'stopped') return;
    const { firstMs, longestMs, healthyMs } = this.#options.backOff;
    const upMs = this.#readyAt === undefined ? 0 : performance.now() - this.#readyAt;
    if (upMs >= healthyMs) this.#pauseMs = firstMs;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(longestMs, pauseMs * 2);
    this.#state = 'down';
    this.#restarts += 1;
    this.#restartTimer = setTimeout(() => this.#restart(), pauseMs);
    this.#options.onCrash(error, pauseMs);
  }

  /** Where the system has no thread to give, that is one more crash. */
  #restart(): void {
    try {
      this.#startThread();
    } catch (error) {
      this.#ended(asError(error));
    }
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
