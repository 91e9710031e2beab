import {
  type Build,
  type BuildError,
  type BuildEvent,
  systemsOf,
  type ScrubEvent,
} from '@nixery/builder';
import type { CacheEvent } from '@nixery/cache';

import type { Logger } from './log.ts';
import type { IndexEvent } from './search/indexer.ts';

/** Writes what happens in builds: one line when a build begins, one when it ends, the rest for who looks closely. */
export function logBuildEvent(logger: Logger, event: BuildEvent): void {
  switch (event.type) {
    case 'started': {
      const { purpose, request } = event.build;
      const { packages, reference } = request;
      logger.info(
        { ...idsOf(event.build), purpose, packages, systems: systemsOf(request), tag: reference },
        'build started',
      );
      return;
    }
    case 'nix':
      logger.debug({ ...idsOf(event.build), ...event.event }, 'nix');
      return;
    // Those who follow a build are told these; its last line in the log has the sums.
    case 'stage':
    case 'queue':
    case 'planned':
    case 'packed':
    case 'layer':
      return;
    case 'collision': {
      const { build, path, kept, dropped } = event;
      logger.warn({ ...idsOf(build), path, kept, dropped }, 'packages bring the same file');
      return;
    }
    case 'more-collisions': {
      const { build, count } = event;
      logger.warn({ ...idsOf(build), count }, 'packages bring as many more of the same files');
      return;
    }
    case 'done': {
      const { elapsedMs, layers, stages } = event.build;
      const digest = event.record.forms.oci?.digest;
      logger.info({ ...idsOf(event.build), ms: elapsedMs, stages, layers, digest }, 'build done');
      return;
    }
    case 'failed': {
      const { build, error } = event;
      const { elapsedMs, stages } = build;
      const level = error.code === 'internal' ? 'error' : 'warn';
      logger[level]({ ...idsOf(build), ms: elapsedMs, stages, ...facts(error) }, 'build failed');
      return;
    }
    case 'stale': {
      const { ageMs, error, request } = event;
      // The build that failed has its line; this comes once a request.
      logger.debug({ packages: request.packages, ageMs, code: error.code }, 'stale image served');
      return;
    }
    case 'healed':
      logger.warn({ digest: event.digest }, 'a blob that the storage had lost was made again');
      return;
    case 'lost': {
      const { digest, error } = event;
      logger.error(
        { digest, ...(error && facts(error)) },
        'a blob that the storage had lost cannot be made again; its images are forgotten',
      );
      return;
    }
    case 'second-level':
      logger.warn({ object: event.object, err: event.error }, 'shared record not used');
      return;
  }
}

/** Of a build, and of the request that it was begun for. */
function idsOf({ id, ids }: Build): object {
  return { build: id, ...ids };
}

function facts({ cause, code, details, message }: BuildError): object {
  const { derivation } = details;
  return { code, reason: message, derivation, ...(cause !== undefined && { err: cause }) };
}

/** Writes what reading the storage through has found. */
export function logScrubEvent(logger: Logger, event: ScrubEvent): void {
  switch (event.type) {
    case 'damaged':
      logger.error({ digest: event.digest, healed: event.healed }, 'a stored blob was damaged');
      return;
    case 'skipped':
      logger.warn(
        { digest: event.digest, err: event.error },
        'a stored blob cannot be read, or not be replaced now',
      );
      return;
    case 'done':
      logger.info({ blobs: event.blobs, damaged: event.damaged }, 'storage read through');
      return;
    case 'failed':
      logger.warn({ err: event.error }, 'the storage cannot be read through');
      return;
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

/** What happens to the index of packages; nobody's pull depends on it. */
export function logIndexEvent(logger: Logger, event: IndexEvent): void {
  switch (event.type) {
    case 'begun':
      logger.info({ revision: event.revision }, 'indexing the package set for the search');
      return;
    case 'done': {
      const { type: _, ...counts } = event;
      logger.info(counts, 'the search knows the package set');
      return;
    }
    case 'skipped': {
      const { attribute, message } = event;
      logger.debug(
        { attribute, reason: message },
        'the search passes over what cannot be evaluated',
      );
      return;
    }
    case 'failed':
      logger.warn(
        { err: event.error, retryMs: event.retryMs },
        'the package set cannot be indexed now; it is tried again',
      );
      return;
  }
}
