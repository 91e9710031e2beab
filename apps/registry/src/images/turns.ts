import { httpErrors } from '../http/errors.ts';

const BUSY_MS = 1_000;

/** Has work done one piece at a time, so that however many ask for it at once it leaves room for other things. */
export class Turns {
  readonly #max: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param max pieces that may wait */
  constructor(max: number) {
    this.#max = max;
  }

  /** @throws HttpError 429 where too much waits; what the work throws */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#max) throw httpErrors.tooManyRequests(BUSY_MS);
    this.#waiting += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}
