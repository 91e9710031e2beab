import type { ByteRange } from '@nixery/storage';

/**
 * Reads a Range header that asks for one range of bytes.
 *
 * @returns undefined for what a server may ignore: other units, several ranges, nonsense (RFC 9110, section 14.2)
 */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { suffix: Number(last) };
  if (last === '') return { first: Number(first) };
  return Number(last) < Number(first) ? undefined : { first: Number(first), last: Number(last) };
}
