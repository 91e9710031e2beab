import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';

import { Piscina } from 'piscina';

import { BuildError } from './errors.ts';
import type {
  PackLayerResult,
  PackLayerTask,
  PackSymlinkLayerResult,
  PackSymlinkLayerTask,
} from './layer/task.ts';
import type { EvaluateResult, EvaluateTask } from './nix/evaluate.ts';
import type { NixEvent } from './nix/log.ts';
import type { RealiseResult, RealiseTask } from './nix/realise.ts';
import type { TaskMessage } from './tasks.ts';

export interface WorkersOptions {
  /** Nix processes at the same time. */
  readonly nixThreads: number;
  /** Layers packed at the same time; one a core unless told. */
  readonly packThreads?: number;
  readonly onError: (error: Error) => void;
}

interface Pools {
  readonly nix: Piscina;
  readonly pack: Piscina;
}

/** The threads that wait for Nix and those that pack layers. Two pools, so that neither kind of work waits for the other. */
export class Workers {
  readonly #pools: Pools;

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
      atomics: 'disabled',
    });
    nix.on('error', options.onError);
    pack.on('error', options.onError);
    this.#pools = { nix, pack };
  }

  async evaluate(task: EvaluateTask, signal: AbortSignal): Promise<EvaluateResult> {
    return await this.#linked<EvaluateResult>('evaluate', task, signal);
  }

  async realise(
    task: RealiseTask,
    signal: AbortSignal,
    onEvent: (event: NixEvent) => void,
  ): Promise<RealiseResult> {
    return await this.#linked<RealiseResult>('realise', task, signal, onEvent);
  }

  async packLayer(task: PackLayerTask): Promise<PackLayerResult> {
    return await guard<PackLayerResult>(this.#pools.pack.run(task, { name: 'packLayer' }));
  }

  async packSymlinkLayer(task: PackSymlinkLayerTask): Promise<PackSymlinkLayerResult> {
    return await guard<PackSymlinkLayerResult>(
      this.#pools.pack.run(task, { name: 'packSymlinkLayer' }),
    );
  }

  /** Waits for the tasks that run, then ends the threads. */
  async close(): Promise<void> {
    await Promise.all([this.#pools.nix.close(), this.#pools.pack.close()]);
  }

  async #linked<T>(
    name: 'evaluate' | 'realise',
    task: EvaluateTask | RealiseTask,
    signal: AbortSignal,
    onEvent: (event: NixEvent) => void = () => {},
  ): Promise<T> {
    const { port1, port2 } = new MessageChannel();
    const stop = (): void => port1.postMessage({ type: 'stop' } satisfies TaskMessage);
    port1.on('message', onEvent);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await guard<T>(
        this.#pools.nix.run({ task, port: port2 }, { name, transferList: [port2] }),
      );
    } finally {
      signal.removeEventListener('abort', stop);
      port1.close();
    }
  }
}

/** What tasks expect to fail comes back as a result; a rejection is a program missing, a dead thread or a mistake of ours. */
async function guard<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    throw new BuildError('internal', 'a worker failed', { cause });
  }
}
