import type { ManifestRecord } from '@nixery/cache';

import type { Asker } from './asker.ts';
import type { Build, BuildEvent } from './build.ts';
import { BuildError } from './errors.ts';
import { RecentFailures } from './failures.ts';
import { SingleFlight } from './single-flight.ts';

export interface BuildsOptions {
  /** Builds at the same time, those that wait for a thread included; more are refused as `overloaded`. */
  readonly maxBuilds: number;
  /** Of these, what one client may have begun; to join one that runs is free. */
  readonly maxBuildsPerClient: number;
  /** For one build, from its request to its last stored layer (ms); what cannot be ended half-way is ended after it. */
  readonly timeoutMs: number;
  readonly onEvent: (event: BuildEvent) => void;
}

export interface JoinOptions {
  /** Part of a build that runs: to refuse it as one too many would only waste the rest. */
  readonly isPart?: boolean;
  /** Told the id of the build that is waited for, and how to wait for it no more. */
  readonly onBuild?: Asker['onBuild'];
}

/** What a build does, until `signal` tells it to end: the server stops, or its time is over. */
export type BuildAction<B extends Build = Build> = (
  build: B,
  signal: AbortSignal,
) => Promise<ManifestRecord>;

/** The builds that run: one a key, a bounded number of them, their failures remembered for a moment. */
export class Builds {
  readonly #options: BuildsOptions;
  readonly #running = new SingleFlight<ManifestRecord>();
  readonly #builds = new Map<string, Build>();
  readonly #failures = new RecentFailures();
  readonly #stopped = new AbortController();

  constructor(options: BuildsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  isRunning(key: string): boolean {
    return this.#running.get(key) !== undefined;
  }

  /**
   * The outcome of the build that runs under `key`, of the one that failed a moment ago, or of `build`, begun now.
   *
   * @throws BuildError what the build failed with, `overloaded` or `stopping`
   */
  async join<B extends Build>(
    key: string,
    build: B,
    action: BuildAction<B>,
    { isPart = false, onBuild }: JoinOptions = {},
  ): Promise<ManifestRecord> {
    const running = this.#running.get(key);
    const refusal = running === undefined ? this.#refusal(key, build.client, isPart) : undefined;
    if (refusal !== undefined) throw refusal;
    const joined = running ?? this.#running.join(key, () => this.#run(key, build, action));
    const awaited = this.#builds.get(key) ?? build;
    let isWaiting = true;
    const leave = (): void => {
      if (isWaiting) awaited.waiting -= 1;
      isWaiting = false;
    };
    awaited.waiting += 1;
    onBuild?.(awaited.id, leave);
    try {
      return await joined;
    } finally {
      leave();
    }
  }

  /** Begins a build that nobody waits for, unless it runs, has just failed, or would be one too many. */
  begin<B extends Build>(key: string, build: B, action: BuildAction<B>): void {
    if (this.isRunning(key) || this.#refusal(key) !== undefined) return;
    // Its failure is remembered and told as an event.
    this.#running.join(key, () => this.#run(key, build, action)).catch(() => {});
  }

  /** Ends all builds and their Nix processes; those who wait get a `stopping` error. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running.settled();
  }

  #refusal(key: string, client?: string, isPart = false): BuildError | undefined {
    const failure = this.#failures.get(key);
    if (failure !== undefined) return failure;
    if (this.#stopped.signal.aborted) return new BuildError('stopping', 'the server is stopping');
    if (isPart) return undefined;
    const { maxBuilds, maxBuildsPerClient } = this.#options;
    if (this.#running.size >= maxBuilds) {
      return new BuildError('overloaded', 'too many images are being built; try again in a moment');
    }
    if (client === undefined || this.#begunBy(client) < maxBuildsPerClient) return undefined;
    const message = `${maxBuildsPerClient} images are being built for you, which is as many as there may be; ask again when one is done`;
    return new BuildError('overloaded', message);
  }

  #begunBy(client: string): number {
    let count = 0;
    for (const build of this.#builds.values()) if (build.client === client) count += 1;
    return count;
  }

  async #run<B extends Build>(
    key: string,
    build: B,
    action: BuildAction<B>,
  ): Promise<ManifestRecord> {
    const { onEvent } = this.#options;
    this.#builds.set(key, build);
    build.follow((stage) => onEvent({ type: 'stage', build, stage }));
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#options.timeoutMs);
    onEvent({ type: 'started', build });
    try {
      const signal = AbortSignal.any([this.#stopped.signal, deadline.signal]);
      const record = await action(build, signal);
      onEvent({ type: 'done', build, record });
      return record;
    } catch (cause) {
      const error = this.#asBuildError(cause, deadline.signal);
      // An index fails with the error of one of its images, whose build has the log.
      error.build ??= build.id;
      this.#failures.add(key, error);
      onEvent({ type: 'failed', build, error });
      throw error;
    } finally {
      this.#builds.delete(key);
      clearTimeout(timer);
    }
  }

  #asBuildError(error: unknown, deadline: AbortSignal): BuildError {
    if (!(error instanceof BuildError)) {
      return new BuildError('internal', 'the image could not be built', { cause: error });
    }
    // Whatever is told to end takes it for the server's stop.
    const isOver = error.code === 'stopping' && deadline.aborted && !this.#stopped.signal.aborted;
    if (!isOver && error.code !== 'deadline') return error;
    const seconds = Math.ceil(this.#options.timeoutMs / 1000);
    const message = `the image took longer to build than the ${seconds} s that NIXERY_BUILD_TIMEOUT allows; what is built by now is kept, so ask again`;
    return new BuildError('deadline', message, { ...error.details, cause: error });
  }
}
