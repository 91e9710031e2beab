import type { Asker } from '@nixery/builder';

import type { Caller } from '../access/caller.ts';
import type { Exchange } from './exchange.ts';

/** Whoever makes a request, as the builder sees them: made for each request, and next to nothing unless it takes a build. */
export class RequestAsker implements Asker {
  readonly #exchange: Exchange;
  readonly caller: Caller;

  constructor(exchange: Exchange, caller: Caller) {
    this.#exchange = exchange;
    this.caller = caller;
  }

  get client(): string | undefined {
    return this.caller.client;
  }

  get ids(): Readonly<Record<string, string>> {
    return this.#exchange.ids;
  }

  onBuild(id: string, leave: () => void): void {
    this.#exchange.build = id;
    // It is answered before the build ends where it is sent on to ask again, or has gone away.
    if (this.#exchange.isOver) leave();
    else this.#exchange.response.once('close', leave);
  }
}
