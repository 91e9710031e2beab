import type { MessagePort } from 'node:worker_threads';
import { isSqliteError } from './database.ts';
import type { Answer, Ask, FromActor, ToActor } from './messages.ts';
import type { ActorOptions } from './options.ts';
import { CacheState } from './state.ts';

/** ms between two looks for work that reads left behind. An image in constant use costs one write in that time. */
const MAINTENANCE_MS = 30_000;

/** Rows written in one go, about a millisecond's work: what a waiting request may be delayed by. */
const MAINTENANCE_SLICE = 64;

/**
 * Runs the actor on a port: answers asks in their order until one says stop, then lets go of the port.
 *
 * @throws CacheError `database` when the database cannot be opened
 */
export function serve(port: MessagePort, options: ActorOptions): void {
  const state = new CacheState(options, {
    now: Date.now,
    warn: (warning) => post({ type: 'warning', warning }),
  });
  const maintenance = setInterval(maintain, MAINTENANCE_MS);
  let slice: NodeJS.Immediate | undefined;
  let maintenanceFailed = false;

  port.on('message', (asks: ToActor) => {
    post({ type: 'answers', answers: asks.map((ask) => answer(state, ask)) });
    if (asks.some((ask) => ask.request.type === 'stop')) close();
  });
  post({ type: 'ready' });

  function post(message: FromActor): void {
    port.postMessage(message);
  }

  function maintain(): void {
    clearImmediate(slice);
    try {
      // Requests come between the slices.
      if (state.maintain(MAINTENANCE_SLICE)) slice = setImmediate(maintain);
      maintenanceFailed = false;
    } catch (error) {
      if (!isSqliteError(error)) throw error;
      if (!maintenanceFailed) {
        post({ type: 'warning', warning: { type: 'maintenance-failed', detail: error.message } });
      }
      maintenanceFailed = true;
    }
  }

  function close(): void {
    clearInterval(maintenance);
    clearImmediate(slice);
    port.close();
  }
}

function answer(state: CacheState, { id, request }: Ask): Answer {
  try {
    return { id, ok: true, reply: state.handle(request) };
  } catch (error) {
    // Anything else is a fault of this library: the thread ends, and the client starts another.
    if (!isSqliteError(error)) throw error;
    return { id, ok: false, code: 'database', message: error.message };
  }
}
