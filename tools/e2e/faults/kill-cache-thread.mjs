// Loaded into a server under test with NODE_OPTIONS=--import: SIGWINCH ends the thread of the cache's actor, as a crash
// of its own would. The server knows nothing of it.
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

if (threads.isMainThread) {
  /** @type {import('node:worker_threads').Worker | undefined} */
  let actor;
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    /**
     * @param {string | URL} filename
     * @param {import('node:worker_threads').WorkerOptions} [options]
     */
    constructor(filename, options) {
      super(filename, options);
      if (options?.name === 'cache') actor = this;
    }
  };
  syncBuiltinESMExports();
  process.on('SIGWINCH', () => void actor?.terminate());
}
