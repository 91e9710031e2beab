import type { ByteRange } from '@nixery/storage';

/**
 * Reads a Range header that asks for one range of bytes.
 *
 * @returns undefined for what a server may ignore: other units, several ranges, nonsense (RFC 9110, section 14.2)
 */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { suffix: positionOf(last) };
  if (last === '') return { first: positionOf(first) };
  const span = { first: positionOf(first), last: positionOf(last) };
  return span.last < span.first ? undefined : span;
}

/** No blob is so long that the difference shows. */
function positionOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
