/** One thing that a server needs. `degraded`: not as it should be, and no reason to send clients elsewhere. */
export type Check =
  { readonly status: 'ok' } | { readonly status: 'degraded' | 'failed'; readonly reason: string };

export interface ProbeOptions {
  /** What is wrong, in a sentence for strangers, or null. */
  readonly ask: () => Promise<string | null>;
  /** How long its answer is kept: anybody may make the server ask (ms). */
  readonly keepMs: number;
  /** How long something may be wrong before that counts (ms). */
  readonly graceMs: number;
  /** A clock that never goes back (ms). */
  readonly now: () => number;
}

/** Asks something outside whether it works, and remembers since when it has not. */
export class Probe {
  readonly #options: ProbeOptions;
  #asked: { readonly problem: Promise<string | null>; readonly at: number } | undefined;
  #wrongSince: number | null = null;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  async check(): Promise<Check> {
    const { ask, graceMs, keepMs, now } = this.#options;
    if (this.#asked === undefined || now() - this.#asked.at >= keepMs) {
      this.#asked = { problem: ask(), at: now() };
    }
    const reason = await this.#asked.problem;
    if (reason === null) {
      this.#wrongSince = null;
      return { status: 'ok' };
    }
    this.#wrongSince ??= now();
    return { status: now() - this.#wrongSince < graceMs ? 'degraded' : 'failed', reason };
  }
}
