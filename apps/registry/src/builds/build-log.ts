import type { LogPart } from './view.ts';

const MAX_LINES = 2_000;
const MAX_CHARACTERS = 128 * 1024;

/** The end of a build's log: lines are numbered for good, and old ones dropped. */
export class BuildLog {
  #lines: string[] = [];
  #first = 0;
  #characters = 0;

  /** The number that the next line will have. */
  get next(): number {
    return this.#first + this.#lines.length;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
    while (this.#lines.length > MAX_LINES || this.#characters > MAX_CHARACTERS) {
      this.#characters -= this.#lines.shift()?.length ?? 0;
      this.#first += 1;
    }
  }

  /** Lines from number `from` on, or from the first that is still there. */
  since(from: number): LogPart {
    const first = Math.min(Math.max(from, this.#first), this.next);
    return { first, lines: this.#lines.slice(first - this.#first) };
  }
}
