import type { AccessFileError } from '../access/access-file.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** What every part of the server is given. */
export interface Context {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How each part is stopped. Parts are in the order they were started in, and stopped in the other one. */
  readonly stops: AsyncDisposableStack;
  /** How often files of access, of TLS and of the log level are looked at, if not as usual (ms). */
  readonly fileIntervalMs: number | undefined;
}

/** Tells of a file that has changed to what cannot be used. */
export function fileErrorTo(logger: Logger): (error: AccessFileError) => void {
  return ({ message }) =>
    logger.error({ reason: message }, 'a changed file cannot be used; what it said before holds');
}

export function threadErrorTo(logger: Logger): (error: Error) => void {
  return (err) => logger.error({ err }, 'a worker thread failed');
}
