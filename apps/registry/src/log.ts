import { type DestinationStream, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

import type { Config } from './config.ts';
import type { Exchange } from './http/exchange.ts';
import { LogOutput } from './log-output.ts';
import { describeError, redactUrl } from './redact.ts';

export type { Logger };

export function createLogger(config: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const options = {
    level: config.logLevel,
    base: null,
    serializers: { err: describeError },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const stream: DestinationStream =
    config.logFormat === 'pretty'
      ? pretty({
          singleLine: true,
          translateTime: 'SYS:HH:MM:ss.l',
          // Of terminals only, and those as NO_COLOR and TERM have it.
          colorize: process.stdout.isTTY && process.stdout.hasColors(),
        })
      : new LogOutput(1);
  return pino(options, stream);
}

/** Writes one line for a request that has been answered, or was broken off. */
export function logExchange(logger: Logger, exchange: Exchange): void {
  const { client, failure, request, response, user } = exchange;
  const build = exchange.build ?? failure?.build;
  const line = {
    ...exchange.ids,
    method: request.method,
    url: redactUrl(exchange.url),
    status: response.statusCode,
    ms: Math.round(exchange.elapsedMs),
    client,
    ...(user !== null && { user }),
    ...(build !== undefined && { build }),
    agent: request.headers['user-agent'],
    ...(!response.writableFinished && { aborted: true }),
  };
  if (response.statusCode < 500) logger.info(line, 'request');
  else logger.error({ ...line, err: failure?.cause ?? failure }, 'request failed');
}
