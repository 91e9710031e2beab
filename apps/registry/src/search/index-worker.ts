import type { MessagePort } from 'node:worker_threads';

import { advance, type Advanced, type AdvanceTask } from './advance.ts';

/** A step, and how to end it: any message ends its Nix process. */
export interface LinkedAdvance {
  readonly task: AdvanceTask;
  readonly port: MessagePort;
}

export default async function advanceLinked({ port, task }: LinkedAdvance): Promise<Advanced> {
  const abort = new AbortController();
  port.on('message', () => abort.abort());
  try {
    return await advance(task, abort.signal);
  } finally {
    port.close();
  }
}
