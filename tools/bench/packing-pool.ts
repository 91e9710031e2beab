import {
  type Compression,
  PACK_LIMITS,
  type PackLayerResult,
  type PackLayerTask,
  type PlannedLayer,
} from '@nixery/builder/layer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

interface Answer {
  readonly result: PackLayerResult;
  readonly cpuMs: number;
}

export interface Packed {
  /** Compressed bytes. */
  readonly bytes: number;
  readonly uncompressedBytes: number;
  readonly wallMs: number;
  /** Of the packing threads, together. */
  readonly cpuMs: number;
}

/** Threads that are there before they are needed, as the server's are. */
export class PackingPool {
  readonly #workers: readonly Worker[];

  constructor(threads: number) {
    const script = new URL('packing-worker.ts', import.meta.url);
    this.#workers = Array.from(
      { length: threads },
      () => new Worker(script, { resourceLimits: PACK_LIMITS }),
    );
  }

  /** Packs layers into a folder that is removed afterwards; largest first, each by the first thread that is free. */
  async pack(layers: readonly PlannedLayer[], compression: Compression): Promise<Packed> {
    const spool = await mkdtemp(join(tmpdir(), 'nixery-bench-spool-'));
    try {
      const answers: Answer[] = [];
      const pending = layers.entries();
      const began = performance.now();
      const work = async (worker: Worker): Promise<void> => {
        // All threads take from the one iterator.
        for (const [index, { paths }] of pending) {
          const task = {
            paths: paths.map(({ path }) => path),
            spoolFile: join(spool, `${index}`),
            compression,
          };
          answers.push(await ask(worker, task));
        }
      };
      await Promise.all(this.#workers.map(work));
      const wallMs = performance.now() - began;
      const packed = answers.map(({ result }) => {
        if (!result.ok) throw new Error(result.message);
        return result.layer;
      });
      return {
        bytes: packed.reduce((sum, { size }) => sum + size, 0),
        uncompressedBytes: packed.reduce((sum, layer) => sum + layer.uncompressedSize, 0),
        wallMs,
        cpuMs: answers.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      };
    } finally {
      await rm(spool, { recursive: true });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, task: PackLayerTask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (answer: Answer) => {
      worker.off('error', reject);
      resolve(answer);
    });
    worker.postMessage(task, []);
  });
}
