import type { CacheError } from './errors.ts';
import type { RequestType } from './messages.ts';

/** Noticed by the actor; each is worth a line in the log. */
export type CacheWarning =
  /** The database could not be used, was moved to `movedTo`, and an empty one took its place. */
  | {
      readonly type: 'database-set-aside';
      readonly reason: 'corrupt' | 'version';
      readonly movedTo: string;
      readonly detail: string;
    }
  /** A stored record no longer fits its schema; the entry was dropped and counts as a miss. */
  | {
      readonly type: 'record-dropped';
      readonly map: 'manifests' | 'layers';
      readonly key: string;
      readonly detail: string;
    }
  /** Uses could not be recorded, or the log not be moved into the database (a full disk, say). Tried again; told once. */
  | { readonly type: 'maintenance-failed'; readonly detail: string };

/** What `onEvent` is told. */
export type CacheEvent =
  | CacheWarning
  /** The actor's thread is up and its database open; `restarts` counts how often it had died. */
  | { readonly type: 'ready'; readonly restarts: number }
  /** The thread died, once a crash: the line to log as an error. */
  | {
      readonly type: 'crashed';
      readonly error: Error;
      readonly restartInMs: number;
      readonly restarts: number;
    }
  /** A request failed and its caller saw a miss. One crash makes many of these: count them, do not log them. */
  | {
      readonly type: 'degraded';
      readonly operation: RequestType;
      readonly error: CacheError;
    };
