/**
 * Puts off what comes during one turn of the event loop to its end, and does it then in one go, in order.
 *
 * node:http hands requests over one by one. An answer that is sent at once wakes its client, which competes for the
 * processor while the requests of others still lie in their sockets: with sixteen clients it takes twice the time of one that
 * waits until all have been read. A turn is as long as that takes, so that nobody waits noticeably longer.
 */
export class Turn {
  #tasks: (() => void)[] = [];

  /** @param task must not throw */
  put(task: () => void): void {
    if (this.#tasks.length === 0) setImmediate(() => this.#end());
    this.#tasks.push(task);
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
  }
}
