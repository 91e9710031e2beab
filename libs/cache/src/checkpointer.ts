/** The checkpoint's thread: lives for one checkpoint; see `WriteAheadLog`. */
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { copyLog, emptyLog, openForCheckpoint } from './checkpoint.ts';
import type { FromCheckpointer } from './write-ahead-log.ts';

const port = parentPort;
if (port === null) throw new Error('checkpoints run in a worker thread only');
const db = openForCheckpoint(z.string().parse(workerData));
copyLog(db);
port.once('message', () => {
  emptyLog(db);
  db.close();
  port.postMessage('emptied' satisfies FromCheckpointer);
});
port.postMessage('copied' satisfies FromCheckpointer);
