import { BlobError } from './error.ts';

/**
 * A single byte range as a client asks for it (RFC 9110, section 14.1.2): from `first` to `last`, both included, or to
 * the end without `last`; or the last `suffix` bytes. All are non-negative integers, in bytes.
 */
export type ByteRange =
  { readonly first: number; readonly last?: number } | { readonly suffix: number };

/** A range resolved against a blob's size: `length` bytes from `offset` on. */
export interface ByteSpan {
  readonly offset: number;
  readonly length: number;
}

/**
 * Resolves `range` against a blob of `size` bytes; null if it is unsatisfiable. So is any range of an empty blob: its
 * span would have no last byte, and Content-Range cannot express that.
 *
 * @throws BlobError `invalid` for positions that are no non-negative integers, or `last` before `first`.
 */
export function resolveRange(range: ByteRange, size: number): ByteSpan | null {
  if ('suffix' in range) {
    assertPosition(range.suffix);
    const length = Math.min(range.suffix, size);
    return length === 0 ? null : { offset: size - length, length };
  }
  const { first, last = Number.MAX_SAFE_INTEGER } = range;
  assertPosition(first);
  assertPosition(last);
  if (range.last !== undefined && last < first) {
    throw new BlobError('invalid', `The range ends at ${last}, before it begins at ${first}`);
  }
  return first >= size ? null : { offset: first, length: Math.min(last, size - 1) - first + 1 };
}

/** As a request header's value. */
export function formatRange(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.first}-${range.last ?? ''}`;
}

function assertPosition(position: number): void {
  if (!Number.isInteger(position) || position < 0) {
    throw new BlobError('invalid', `A range holds non-negative integers, not ${position}`);
  }
}
