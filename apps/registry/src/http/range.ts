import type { ByteRange } from '@nixery/storage';

/** What no blob has. */
const NOTHING: ByteRange = { suffix: 0 };

/**
 * Reads a Range header that asks for one range of bytes. One that ends before it begins may be ignored or rejected; OCI's
 * conformance tests take a registry that ignores it for one that knows no ranges.
 * {@link https://github.com/opencontainers/distribution-spec/blob/main/conformance/run.go}
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
  return span.last < span.first ? NOTHING : span;
}

/** No blob is so long that the difference shows. */
function positionOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
