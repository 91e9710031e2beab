import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import { Piscina } from 'piscina';

import { BuildError } from './errors.ts';
import type {
  PackLayerResult,
  PackLayerTask,
  PackSymlinkLayerResult,
  PackSymlinkLayerTask,
} from './layer/task.ts';
import { PACK_LIMITS } from './layer/young-garbage.ts';
import type { EvaluateResult, EvaluateTask } from './nix/evaluate.ts';
import type { NixEvent } from './nix/log.ts';
import type { RealiseResult, RealiseTask } from './nix/realise.ts';
import type { TaskEvent, TaskMessage } from './tasks.ts';

export interface WorkersOptions {
  /** Nix processes at the same time. */
  readonly nixThreads: number;
  /** Layers packed at the same time; one a core unless told. */
  readonly packThreads?: number;
  readonly onError: (error: Error) => void;
}

/** Tasks of one pool. */
export interface PoolLoad {
  readonly running: number;
  readonly queued: number;
}

/** Whoever waits for a task of Nix. */
export interface TaskFollower {
  /** True when all threads are busy, and false when it has got one. */
  onQueued(isQueued: boolean): void;
  onEvent?(event: NixEvent): void;
}

interface Pools {
  readonly nix: Piscina;
  readonly pack: Piscina;
}

/** The threads that wait for Nix and those that pack layers. Two pools, so that neither kind of work waits for the other. */
export class Workers {
  readonly #pools: Pools;
  /** Tasks that run or are queued. */
  readonly #tasks = { nix: 0, pack: 0 };

  constructor(options: WorkersOptions) {
    const filename = import.meta.resolve('#worker');
    // The threads of a pool spin on shared memory between tasks unless told not to: right for computing, not for waiting.
    const nix = new Piscina({
      filename,
      minThreads: 1,
      maxThreads: options.nixThreads,
      idleTimeout: 60_000,
      atomics: 'disabled',
    });
    const pack = new Piscina({
      filename,
      minThreads: 1,
      maxThreads: options.packThreads ?? availableParallelism(),
      idleTimeout: 60_000,
      resourceLimits: PACK_LIMITS,
      atomics: 'disabled',
    });
    nix.on('error', options.onError);
    pack.on('error', options.onError);
    this.#pools = { nix, pack };
  }

  get load(): { readonly nix: PoolLoad; readonly pack: PoolLoad } {
    return { nix: this.#loadOf('nix'), pack: this.#loadOf('pack') };
  }

  async evaluate(
    task: EvaluateTask,
    signal: AbortSignal,
    follower: TaskFollower,
  ): Promise<EvaluateResult> {
    return await this.#linked<EvaluateResult>('evaluate', task, signal, follower);
  }

  async realise(
    task: RealiseTask,
    signal: AbortSignal,
    follower: TaskFollower,
  ): Promise<RealiseResult> {
    return await this.#linked<RealiseResult>('realise', task, signal, follower);
  }

  async packLayer(task: PackLayerTask): Promise<PackLayerResult> {
    return await this.#run<PackLayerResult>('pack', task, { name: 'packLayer' });
  }

  async packSymlinkLayer(task: PackSymlinkLayerTask): Promise<PackSymlinkLayerResult> {
    return await this.#run<PackSymlinkLayerResult>('pack', task, { name: 'packSymlinkLayer' });
  }

  /** Waits for the tasks that run, then ends the threads. */
  async close(): Promise<void> {
    await Promise.all([this.#pools.nix.close(), this.#pools.pack.close()]);
  }

  async #linked<T>(
    name: 'evaluate' | 'realise',
    task: EvaluateTask | RealiseTask,
    signal: AbortSignal,
    follower: TaskFollower,
  ): Promise<T> {
    const { port1, port2 } = new MessageChannel();
    const stop = (): void => port1.postMessage({ type: 'stop' } satisfies TaskMessage);
    port1.on('message', (event: TaskEvent) => {
      if (event.type === 'begun') follower.onQueued(false);
      else follower.onEvent?.(event);
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    if (this.#tasks.nix >= this.#pools.nix.maxThreads) follower.onQueued(true);
    try {
      return await this.#run<T>('nix', { task, port: port2 }, { name, transferList: [port2] });
    } finally {
      signal.removeEventListener('abort', stop);
      port1.close();
    }
  }

  /** What tasks expect to fail comes back as a result; a rejection is a program missing, a dead thread or a mistake of ours. */
  async #run<T>(
    pool: keyof Pools,
    task: unknown,
    options: { readonly name: string; readonly transferList?: readonly MessagePort[] },
  ): Promise<T> {
    this.#tasks[pool] += 1;
    try {
      const result: Promise<T> = this.#pools[pool].run(task, options);
      return await result;
    } catch (cause) {
      throw new BuildError('internal', 'a worker failed', { cause });
    } finally {
      this.#tasks[pool] -= 1;
    }
  }

  #loadOf(pool: keyof Pools): PoolLoad {
    const queued = this.#pools[pool].queueSize;
    return { running: Math.max(0, this.#tasks[pool] - queued), queued };
  }
}
