import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { type DestinationStream, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

import type { Config } from './config.ts';

export type { Logger };

export function createLogger(config: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const options = {
    level: config.logLevel,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const stream: DestinationStream =
    config.logFormat === 'pretty'
      ? pretty({
          singleLine: true,
          translateTime: 'SYS:HH:MM:ss.l',
          colorize: process.stdout.isTTY,
        })
      : pino.destination({ fd: 1, sync: false, minLength: 0 });
  return pino(options, stream);
}

/** A request id from outside is kept when it cannot harm a log or a header. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * Gives the request its id, answers with it, and writes one line when the answer has gone out or broken off.
 *
 * @param failure what went wrong, asked for when a 5xx has been sent
 */
export function logRequest(
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  failure: () => unknown,
): void {
  const startedAt = performance.now();
  // Express rewrites it while it looks for a route.
  const { url } = request;
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', id);
  response.once('close', () => {
    const line = {
      req: id,
      method: request.method,
      url,
      status: response.statusCode,
      ms: Math.round(performance.now() - startedAt),
      client: request.socket.remoteAddress,
      agent: request.headers['user-agent'],
      ...(!response.writableFinished && { aborted: true }),
    };
    if (response.statusCode >= 500) logger.error({ ...line, err: failure() }, 'request failed');
    else logger.info(line, 'request');
  });
}
