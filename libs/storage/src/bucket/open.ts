import type { Readable } from 'node:stream';
import { BlobError } from '../error.ts';
import type { ByteRange, ByteSpan } from '../range.ts';
import type { OpenBlob, UnsatisfiableRange } from '../store.ts';
import { createBody } from './body.ts';
import type { Bucket } from './bucket.ts';
import { untilAnswered } from './link.ts';
import { retry } from './retry.ts';
import type { Tuning } from './tuning.ts';

/** @throws BlobError `not-found`. */
export async function openBlob(
  bucket: Bucket,
  tuning: Tuning,
  key: string,
  range: ByteRange | undefined,
): Promise<OpenBlob | UnsatisfiableRange> {
  const name = `${bucket.name}/${key}`;
  // Servers do not agree on what the last zero bytes are; there is no need to ask for them.
  const isNothing = range !== undefined && 'suffix' in range && range.suffix === 0;
  const opened = isNothing
    ? ({ found: true, satisfiable: false } as const)
    : await openWithin(tuning, (signal) => bucket.open(key, range, undefined, signal));
  if (!opened.found) throw new BlobError('not-found', `There is no ${name}`);
  if (!opened.satisfiable) {
    const object = await retry(tuning, tuning.deadlineMs, (signal) => bucket.stat(key, signal));
    if (object === null) throw new BlobError('not-found', `There is no ${name}`);
    return { satisfiable: false, size: object.size };
  }
  const { size, span, version, body } = opened;

  async function reopen(offset: number): Promise<Readable> {
    const rest = { offset, length: span.offset + span.length - offset };
    const range = { first: offset, last: offset + rest.length - 1 };
    const opened = await openWithin(tuning, (signal) => bucket.open(key, range, version, signal));
    if (!opened.found || !opened.satisfiable || !isSame(opened.span, rest)) {
      throw new BlobError('not-found', `${name} has gone while it is read`);
    }
    return opened.body;
  }

  return {
    satisfiable: true,
    size,
    span,
    body: createBody({ body, span, reopen, tuning, name }),
  };
}

function openWithin<T>(tuning: Tuning, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return retry(tuning, tuning.deadlineMs, (signal) => untilAnswered(signal, tuning.idleMs, call));
}

function isSame(one: ByteSpan, other: ByteSpan): boolean {
  return one.offset === other.offset && one.length === other.length;
}
