import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';

import type { Allowances, PackageSet, PackageSetVersion, System } from '@nixery/builder';
import { Piscina } from 'piscina';

import type { Advanced, AdvanceTask } from './advance.ts';
import { INDEX_VERSION } from './database.ts';
import type { IndexLimits } from './index-writer.ts';
import type { LinkedAdvance } from './index-worker.ts';

/** What happens to indexes, for the log. */
export type IndexEvent =
  | { readonly type: 'begun'; readonly revision: string | null }
  | {
      readonly type: 'done';
      readonly revision: string | null;
      readonly packages: number;
      /** Attributes that Nix gave up on, and those beyond the limits. */
      readonly skipped: number;
      readonly leftOut: number;
      /** Since it was begun, pauses and restarts included. */
      readonly ms: number;
    }
  | { readonly type: 'skipped'; readonly attribute: string; readonly message: string }
  | { readonly type: 'failed'; readonly error: unknown; readonly retryMs: number };

export interface IndexerOptions {
  /** Where indexes are kept. */
  readonly dir: string;
  readonly packageSet: Pick<PackageSet, 'current'>;
  /** The platform whose packages are told: what is unsupported depends on it. */
  readonly system: System;
  readonly allow: Allowances;
  /** Sets whose packages are told though they do not say `recurseForDerivations`. */
  readonly sets: readonly string[];
  /** Names at the top that are not looked at. */
  readonly closed: readonly string[];
  readonly limits?: IndexLimits;
  readonly env: NodeJS.ProcessEnv;
  /** How often it is asked whether the package set is another (ms). */
  readonly intervalMs: number;
  /** Whether images are being built: they go first. */
  readonly isBusy: () => boolean;
  readonly onEvent: (event: IndexEvent) => void;
  /** Told which index is to be asked, whenever that changes. */
  readonly onIndex: (index: Index) => void;
}

/** An index that can be asked, finished or not. */
export interface Index {
  readonly file: string;
  readonly key: string;
}

/** The file that says which index was the last to be finished. */
const CURRENT = 'current';

/** Bounds of an index: nixpkgs has some 150,000 attributes that are looked at, which take about 90 MB. */
const DEFAULT_LIMITS: IndexLimits = { attributes: 300_000, bytes: 512 * 1024 * 1024 };

/** For one batch (ms). */
const BATCH_DEADLINE_MS = 120_000;
/** Of a Nix process, for values (bytes): a batch of nixpkgs takes some hundred MB. */
const MAX_HEAP = 2 * 1024 ** 3;
const MAX_OUTPUT = 8 * 1024 * 1024;
/** Of the thread that reads what Nix says (MiB). */
const MAX_THREAD_HEAP = 256;

/** While images are built, a batch waits so long at most (ms): a server that always builds gets an index, too. */
const YIELD_MS = 60_000;
const YIELD_STEP_MS = 250;

/** After a failure (ms); doubles up to the interval between looks. */
const FIRST_RETRY_MS = 10_000;

/** A folder may change where nobody sees it, so it is indexed once a day anyway (ms). */
const FOLDER_AGE_MS = 24 * 60 * 60 * 1000;

/** A package set that does not evaluate, or an index that cannot be written. */
class UnusableError extends Error {
  override readonly name = 'UnusableError';
}

/** Keeps an index of the package set, in the background and behind everything else. */
export class Indexer {
  readonly #options: IndexerOptions;
  readonly #stopped = new AbortController();
  readonly #pool: Piscina<LinkedAdvance, Advanced>;
  /** The one that is asked. */
  #index: Index | undefined;
  #damaged: Index | undefined;
  /** The key of the index that is known to be complete. */
  #complete: string | undefined;
  #running: Promise<void> | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(options: IndexerOptions) {
    this.#options = options;
    this.#pool = new Piscina({
      filename: import.meta.resolve('#search-index'),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 10_000,
      resourceLimits: { maxOldGenerationSizeMb: MAX_THREAD_HEAP },
      atomics: 'disabled',
    });
    this.#pool.on('error', (error: Error) => this.#fail(error, 0));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends Nix; what is half-done is gone on with by the next server. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#pool.destroy();
  }

  /** Gives up an index that cannot be read; it is made again. */
  discard({ file }: Index): void {
    if (this.#index?.file !== file) return;
    this.#damaged = this.#index;
    this.#index = undefined;
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    const { intervalMs } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!this.#stopped.signal.aborted) {
      let pauseMs = intervalMs;
      try {
        await this.#bringUpToDate();
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        pauseMs = Math.min(retryMs, intervalMs);
        retryMs *= 2;
        this.#fail(error, pauseMs);
      }
      await this.#pause(pauseMs);
    }
  }

  async #bringUpToDate(): Promise<void> {
    const { dir, onEvent, packageSet } = this.#options;
    const { signal } = this.#stopped;
    await mkdir(dir, { recursive: true });
    await this.#removeDamaged();
    if (this.#index === undefined) await this.#openLast();
    const version = await packageSet.current(signal);
    const index = this.#indexOf(version);
    if (this.#complete === index.key) return;
    onEvent({ type: 'begun', revision: version.commit });
    const task = await this.#taskOf(version, index);
    await this.#sweep(this.#index === undefined ? [index] : [index, this.#index]);
    for (;;) {
      await this.#yield();
      const step = await this.#step(task);
      if (step.outcome === 'aborted' || this.#damaged !== undefined) return;
      if (step.outcome === 'unreadable') throw new UnusableError(step.message);
      if (step.outcome === 'damaged') {
        await this.#remove(index);
        throw new UnusableError(`the index is damaged: ${step.message}`);
      }
      if (step.outcome === 'skipped') {
        onEvent({ type: 'skipped', attribute: step.attribute, message: step.message });
      }
      // Of an unfinished index there is more to find than of none.
      if (this.#index === undefined) this.#use(index);
      if (step.outcome !== 'done') continue;
      this.#use(index);
      this.#complete = index.key;
      await writeFile(join(dir, CURRENT), index.key);
      await this.#sweep([index]);
      const { begun_at, done_at, left_out, packages, skipped } = step.progress;
      const ms = (done_at ?? begun_at) - begun_at;
      onEvent({ type: 'done', revision: version.commit, packages, skipped, leftOut: left_out, ms });
      return;
    }
  }

  /** Answers are to be had at once after a start, of whatever revision was the last. */
  async #openLast(): Promise<void> {
    const { dir } = this.#options;
    const key = await readFile(join(dir, CURRENT), 'utf8').catch(() => '');
    const names = await readdir(dir);
    if (!names.includes(fileName(key))) return;
    this.#complete = key;
    this.#use({ key, file: join(dir, fileName(key)) });
  }

  #use(index: Index): void {
    if (this.#index?.key === index.key) return;
    this.#index = index;
    this.#options.onIndex(index);
  }

  #indexOf({ commit, key }: PackageSetVersion): Index {
    const { allow, closed, dir, limits = DEFAULT_LIMITS, sets, system } = this.#options;
    const day = commit === null ? Math.floor(Date.now() / FOLDER_AGE_MS) : null;
    const identity = [INDEX_VERSION, key, day, system, Object.entries(allow), sets, closed, limits];
    const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    return { key: name, file: join(dir, fileName(name)) };
  }

  async #taskOf(version: PackageSetVersion, { file }: Index): Promise<AdvanceTask> {
    const { allow, closed, env, limits = DEFAULT_LIMITS, sets, system } = this.#options;
    const source = await version.provide(this.#stopped.signal);
    return {
      file,
      commit: version.commit,
      limits,
      closed,
      list: {
        source,
        system,
        allow,
        sets,
        // What cannot be sent to a thread is none of a process's environment.
        env: { ...env },
        deadlineMs: BATCH_DEADLINE_MS,
        maxHeap: MAX_HEAP,
        maxOutput: MAX_OUTPUT,
      },
    };
  }

  async #step(task: AdvanceTask): Promise<Advanced> {
    const { signal } = this.#stopped;
    const { port1, port2 } = new MessageChannel();
    const stop = (): void => port1.postMessage('stop');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await this.#pool.run({ task, port: port2 }, { transferList: [port2] });
    } finally {
      signal.removeEventListener('abort', stop);
      port1.close();
    }
  }

  /** Lets builds go first. */
  async #yield(): Promise<void> {
    const { signal } = this.#stopped;
    const end = performance.now() + YIELD_MS;
    while (this.#options.isBusy() && !signal.aborted && performance.now() < end) {
      await this.#pause(YIELD_STEP_MS);
    }
  }

  async #pause(ms: number): Promise<void> {
    const abort = new AbortController();
    await Promise.race([
      delay(ms, undefined, { ref: false, signal: abort.signal }).catch(() => {}),
      this.#wake.promise,
    ]);
    abort.abort();
    if (!this.#stopped.signal.aborted) this.#wake = Promise.withResolvers();
  }

  async #removeDamaged(): Promise<void> {
    if (this.#damaged === undefined) return;
    await this.#remove(this.#damaged);
    this.#damaged = undefined;
    this.#complete = undefined;
  }

  async #remove({ file }: Index): Promise<void> {
    for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
  }

  /** Drops all indexes but these. */
  async #sweep(kept: readonly Index[]): Promise<void> {
    const { dir } = this.#options;
    for (const name of await readdir(dir)) {
      if (name === CURRENT || kept.some(({ key }) => name.startsWith(key))) continue;
      await rm(join(dir, name), { recursive: true, force: true });
    }
  }

  #fail(error: unknown, retryMs: number): void {
    this.#options.onEvent({ type: 'failed', error, retryMs });
  }
}

function fileName(key: string): string {
  return `${key}.sqlite`;
}
