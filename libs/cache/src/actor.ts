/** The actor's thread: `workerData` in, messages through the parent port. */
import { parentPort, workerData } from 'node:worker_threads';
import { actorOptionsSchema } from './options.ts';
import { serve } from './serve.ts';

if (parentPort === null) throw new Error('the cache actor runs as a worker thread only');
serve(parentPort, actorOptionsSchema.parse(workerData));
