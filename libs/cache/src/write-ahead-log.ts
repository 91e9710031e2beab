import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const MIB = 1024 * 1024;

/**
 * What the checkpoint's thread says: that the log is copied but for what was added last, so changes had better stop; then that it
 * is empty, so they may go on. In between it waits for any message.
 */
export type FromCheckpointer = 'copied' | 'emptied';

/** Bytes. */
export interface LogLimits {
  /** From here on the log is moved into the database. Rarely is better: pages that changed many times are moved once. */
  readonly checkpointAt: number;
  /** Where changes wait when a checkpoint is that slow. */
  readonly fullAt: number;
}

export interface WriteAheadLogOptions {
  /** The database's path. */
  readonly file: string;
  readonly limits?: LogLimits;
  /** A checkpoint failed; the log grows on, and the next is tried when it has grown as much again. */
  readonly onFailure: (error: Error) => void;
  /** Changes need not wait any more. */
  readonly onFree: () => void;
}

/**
 * Keeps the database's write-ahead log short without ever making the actor's thread wait for the disk.
 *
 * A checkpoint syncs, which takes a busy disk a second or more, and with SQLite's own checkpoints everything behind the change
 * that happens to start one waits that long. So they run in a thread of their own. It copies beside changes; only for the little
 * that comes in meanwhile changes have to wait, since a log under constant writing would never start anew. Look-ups do not.
 */
export class WriteAheadLog {
  readonly #options: WriteAheadLogOptions;
  readonly #limits: LogLimits;
  #worker: Worker | undefined;
  #emptying = false;
  #full = false;
  #failure: Error | undefined;
  #checkpointAt: number;

  constructor(options: WriteAheadLogOptions) {
    this.#options = options;
    this.#limits = options.limits ?? { checkpointAt: 16 * MIB, fullAt: 64 * MIB };
    this.#checkpointAt = this.#limits.checkpointAt;
  }

  /** Whether the database must be left unchanged until `onFree`. */
  get mustWait(): boolean {
    return this.#emptying || this.#full;
  }

  /** To be told after changes. */
  grown(): void {
    const bytes = this.#bytes();
    if (this.#worker !== undefined) this.#full = bytes >= this.#limits.fullAt;
    else if (bytes >= this.#checkpointAt) this.#startCheckpoint();
  }

  /** Breaks off a checkpoint that is under way, which loses nothing. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #startCheckpoint(): void {
    // A package import, so that the same line finds the source, or what was built from it.
    const entry = new URL(import.meta.resolve('#checkpointer'));
    const worker = new Worker(entry, { workerData: this.#options.file, name: 'checkpoint' });
    this.#worker = worker;
    this.#failure = undefined;
    worker.on('message', (message: FromCheckpointer) => {
      this.#emptying = message === 'copied';
      if (this.#emptying) this.#worker?.postMessage('go on');
      else this.#free();
    });
    worker.on('error', (error) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.once('exit', () => this.#ended());
  }

  #ended(): void {
    const { checkpointAt } = this.#limits;
    this.#worker = undefined;
    this.#checkpointAt = checkpointAt;
    if (this.#failure !== undefined) {
      this.#checkpointAt = this.#bytes() + checkpointAt;
      this.#options.onFailure(this.#failure);
    }
    // When it died, changes may be waiting for it.
    if (this.mustWait) this.#free();
  }

  #free(): void {
    this.#emptying = false;
    this.#full = false;
    this.#options.onFree();
  }

  #bytes(): number {
    return statSync(`${this.#options.file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
