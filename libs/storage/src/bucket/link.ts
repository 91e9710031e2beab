/**
 * Runs `call` with a signal that follows `signal` until the call has answered, and no longer: a deadline for opening
 * a stream must not end the stream.
 *
 * @param idleMs - how long the answer may take, in ms.
 */
export async function untilAnswered<T>(
  signal: AbortSignal,
  idleMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  function abort(): void {
    controller.abort(signal.reason);
  }
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const idle = setTimeout(abort, idleMs);
  try {
    return await call(controller.signal);
  } finally {
    clearTimeout(idle);
    signal.removeEventListener('abort', abort);
  }
}
