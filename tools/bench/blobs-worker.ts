/** A thread that reads for `blobs.ts`: one alone takes what one connection brings, not what four do. */
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { readAgainAndAgain } from './blobs-reader.ts';

const { target, ms } = z
  .object({ target: z.object({ host: z.string(), path: z.string() }), ms: z.number() })
  .parse(workerData);

const bytes = await readAgainAndAgain(target, ms);
parentPort?.postMessage(bytes, []);
