import type { BuildEvent } from '@nixery/builder';
import type { CacheEvent } from '@nixery/cache';

import type { Logger } from './log.ts';

/** Writes what happens in builds: one line when a build begins, one when it ends, the rest for who looks closely. */
export function logBuildEvent(logger: Logger, event: BuildEvent): void {
  const { build } = event;
  const about = { build: build.id };
  switch (event.type) {
    case 'started': {
      const { packages, reference, system } = build.request;
      logger.info({ ...about, packages, system, tag: reference }, 'build started');
      return;
    }
    case 'nix':
      logger.debug({ ...about, ...event.event }, 'nix');
      return;
    case 'collision': {
      const { path, kept, dropped } = event;
      logger.warn({ ...about, path, kept, dropped }, 'packages bring the same file');
      return;
    }
    case 'done': {
      const { elapsedMs, layers, stages } = build;
      const digest = event.record.forms.oci?.digest;
      logger.info({ ...about, ms: elapsedMs, stages, layers, digest }, 'build done');
      return;
    }
    case 'failed': {
      const { code, message, details, cause } = event.error;
      const level = code === 'internal' ? 'error' : 'warn';
      logger[level](
        {
          ...about,
          ms: build.elapsedMs,
          stages: build.stages,
          code,
          reason: message,
          derivation: details.derivation,
          ...(cause !== undefined && { err: cause }),
        },
        'build failed',
      );
      return;
    }
  }
}

/** Writes what befalls the cache; a pull goes on without it, so nobody else will tell. */
export function logCacheEvent(logger: Logger, event: CacheEvent): void {
  switch (event.type) {
    case 'ready':
      logger.debug({ restarts: event.restarts }, 'cache ready');
      return;
    case 'crashed': {
      const { error, restartInMs, restarts } = event;
      logger.error(
        { err: error, restartInMs, restarts },
        'the cache crashed and will be restarted',
      );
      return;
    }
    case 'degraded':
      // One crash makes many of these.
      logger.debug({ operation: event.operation, err: event.error }, 'cache request failed');
      return;
    case 'database-set-aside':
    case 'record-dropped':
    case 'maintenance-failed':
      logger.warn({ cache: event }, 'cache');
      return;
  }
}
