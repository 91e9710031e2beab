import type { MessagePort } from 'node:worker_threads';
import { isSqliteError } from './database.ts';
import { isChange, type Answer, type Ask, type FromActor } from './messages.ts';
import type { ActorOptions } from './options.ts';
import { CacheState } from './state.ts';
import { decodeAsks, encodeReport } from './wire.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** ms between two looks for how much work reads have left behind. */
const LOOK_MS = 30_000;

/** Looks until it is done, however little it is: an image in constant use costs one write in that time. */
const LOOKS = 10;

/** Uses that the next look has recorded, since each takes memory. */
const MANY_USES = 50_000;

/** Rows written in one go, about a millisecond's work: what a look-up that comes meanwhile is delayed by. */
const MAINTENANCE_SLICE = 16;

/** ms of changes in one go, for the same reason. */
const CHANGES_SLICE_MS = 1;

/**
 * Runs the actor on a port, until an ask says stop; then lets go of the port. Look-ups are answered at once, in their order;
 * changes behind them, in theirs.
 *
 * @throws CacheError `database` when the database cannot be opened
 */
export function serve(port: MessagePort, options: ActorOptions): void {
  const state = new CacheState(options, {
    now: Date.now,
    warn: (warning) => post({ type: 'warning', warning }),
  });
  const log = new WriteAheadLog({
    file: options.file,
    onFailure: maintenanceFails,
    onFree: changeSoon,
  });
  const maintenance = setInterval(look, LOOK_MS);
  let looks = 0;
  let changes: readonly Ask[] = [];
  let changing: NodeJS.Immediate | undefined;
  let slice: NodeJS.Immediate | undefined;
  let maintenanceFailed = false;

  port.on('message', (message: string) => {
    const asks = decodeAsks(message);
    const lookUps = asks.filter(({ request }) => !isChange(request));
    if (lookUps.length > 0) post({ type: 'answers', answers: lookUps.map(answerTo) });
    if (lookUps.length === asks.length) return;
    changes = [...changes, ...asks.filter(({ request }) => isChange(request))];
    changeSoon();
  });
  post({ type: 'ready' });

  function post(message: FromActor): void {
    port.postMessage(encodeReport(message));
  }

  function answerTo(ask: Ask): Answer {
    return answer(state, ask);
  }

  function changeSoon(): void {
    changing ??= setImmediate(change);
  }

  /** Does some of the changes that wait. Look-ups come between the slices. */
  function change(): void {
    changing = undefined;
    if (log.mustWait || changes.length === 0) return;
    const end = performance.now() + CHANGES_SLICE_MS;
    const answers: Answer[] = [];
    for (const ask of changes) {
      answers.push(answerTo(ask));
      if (performance.now() >= end) break;
    }
    const stopped = changes.slice(0, answers.length).some(({ request }) => request.type === 'stop');
    changes = changes.slice(answers.length);
    post({ type: 'answers', answers });
    if (stopped) return close();
    log.grown();
    changeSoon();
  }

  function look(): void {
    looks += 1;
    if (looks % LOOKS === 0 || state.unrecorded >= MANY_USES) maintain();
  }

  function maintain(): void {
    clearImmediate(slice);
    if (log.mustWait) return;
    try {
      if (state.maintain(MAINTENANCE_SLICE)) slice = setImmediate(maintain);
      log.grown();
      maintenanceFailed = false;
    } catch (error) {
      if (!isSqliteError(error)) throw error;
      maintenanceFails(error);
    }
  }

  function maintenanceFails(error: Error): void {
    if (!maintenanceFailed) {
      post({ type: 'warning', warning: { type: 'maintenance-failed', detail: error.message } });
    }
    maintenanceFailed = true;
  }

  function close(): void {
    clearInterval(maintenance);
    clearImmediate(slice);
    void log.stop();
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
