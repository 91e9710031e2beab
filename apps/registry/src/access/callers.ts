import type { IncomingMessage } from 'node:http';

import type { Caller } from './caller.ts';

/** Who makes each of the requests that Express answers: it passes nothing but the request. */
export class Callers {
  readonly #callers = new WeakMap<IncomingMessage, Caller>();

  note(request: IncomingMessage, caller: Caller): void {
    this.#callers.set(request, caller);
  }

  /** @throws TypeError for a request that nobody has noted */
  of(request: IncomingMessage): Caller {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw new TypeError('nobody has said who makes this request');
    return caller;
  }
}
