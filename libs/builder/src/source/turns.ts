/** Runs actions one at a time, in the order in which they come. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns what the action does, or throws, once those before it have ended in whatever way */
  async take<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return await result;
  }
}
