import type { ServerResponse } from 'node:http';

/** For how long a client may take nothing of an answer (ms). What it is sent at once, it has to take within that. */
const STALLED_MS = 300_000;

/**
 * Breaks an answer off whose client takes nothing of it for long. Without an error from the network, as where a machine has
 * stopped, its connection would stay for ever, and with it the file that is sent.
 *
 * @returns what ends the watch
 */
export function cutOffStalled(response: ServerResponse): () => void {
  const timer = setTimeout(() => {
    // What is behind another answer on its connection waits for that.
    if (response.socket === null) timer.refresh();
    else response.destroy();
  }, STALLED_MS);
  function note(): void {
    timer.refresh();
  }
  response.on('drain', note);
  return () => {
    clearTimeout(timer);
    response.off('drain', note);
  };
}
