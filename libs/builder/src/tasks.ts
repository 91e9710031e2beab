import type { MessagePort } from 'node:worker_threads';

import { evaluate as evaluateNow, type EvaluateResult, type EvaluateTask } from './nix/evaluate.ts';
import type { NixEvent } from './nix/log.ts';
import { realise as realiseNow, type RealiseResult, type RealiseTask } from './nix/realise.ts';

/**
 * How a task and whoever started it speak while it runs. Out go events; in comes `stop`, upon which Nix is ended. The
 * thread itself is never ended to stop a task: its Nix process would live on.
 */
export interface Linked<Task> {
  readonly task: Task;
  readonly port: MessagePort;
}
export type TaskMessage = { readonly type: 'stop' };
/** `begun` comes before all else: until then the task has waited for its thread. */
export type TaskEvent = NixEvent | { readonly type: 'begun' };

export async function evaluate(linked: Linked<EvaluateTask>): Promise<EvaluateResult> {
  return await withPort(linked.port, (signal) => evaluateNow(linked.task, signal));
}

export async function realise(linked: Linked<RealiseTask>): Promise<RealiseResult> {
  const { task, port } = linked;
  const onEvent = (event: NixEvent): void => port.postMessage(event satisfies TaskEvent);
  return await withPort(port, (signal) => realiseNow(task, { signal, onEvent }));
}

async function withPort<T>(
  port: MessagePort,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  // `stop` is the only message there is.
  port.on('message', () => abort.abort());
  port.postMessage({ type: 'begun' } satisfies TaskEvent);
  try {
    return await action(abort.signal);
  } finally {
    port.close();
  }
}
