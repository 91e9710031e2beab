import type { ServerResponse } from 'node:http';

/** For how long a client may take nothing of an answer (ms). What it is sent at once, it has to take within that. */
const STALLED_MS = 300_000;

/** The watch over one answer. */
export interface StalledWatch {
  /** The client has taken some of it that the answer itself did not write. */
  readonly note: () => void;
  readonly end: () => void;
}

/**
 * Breaks an answer off whose client takes nothing of it for long. Without an error from the network, as where a machine has
 * stopped, its connection would stay for ever, and with it the file that is sent.
 */
export function cutOffStalled(response: ServerResponse): StalledWatch {
  const timer = setTimeout(() => {
    // What is behind another answer on its connection waits for that.
    if (response.socket === null) timer.refresh();
    else response.destroy();
  }, STALLED_MS);
  function note(): void {
    timer.refresh();
  }
  response.on('drain', note);
  function end(): void {
    clearTimeout(timer);
    response.off('drain', note);
  }
  return { note, end };
}
