/** A thread that takes messages and answers nothing, as one stuck in a loop would. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', () => undefined);
