/** How patient a bucket store is, and how large the pieces are in which it uploads. Defaults suit the public clouds. */
export interface Tuning {
  /** A connection on which nothing moves for this long is given up, in ms. Default 30,000. */
  readonly idleMs: number;
  /** For everything but uploads: the time for all attempts together, in ms. Default 60,000. */
  readonly deadlineMs: number;
  /** For one upload: the time for all attempts together, in ms. Default one hour. */
  readonly uploadDeadlineMs: number;
  /** The pause after a first failure, in ms; it doubles with each further one. Default 250. */
  readonly firstDelayMs: number;
  /** The longest pause between two attempts, in ms. Default 15,000. */
  readonly maxDelayMs: number;
  /**
   * What is held in memory as one piece, in bytes: content up to this size is sent in one request, larger content in
   * several. A multiple of 256 KiB (what GCS takes) and at least 5 MiB (what S3 takes). Default 8 MiB.
   */
  readonly partBytes: number;
}

const DEFAULTS: Tuning = {
  idleMs: 30_000,
  deadlineMs: 60_000,
  uploadDeadlineMs: 60 * 60_000,
  firstDelayMs: 250,
  maxDelayMs: 15_000,
  partBytes: 8 * 1024 * 1024,
};

export function tuningOf(tuning: Partial<Tuning> = {}): Tuning {
  return { ...DEFAULTS, ...tuning };
}
