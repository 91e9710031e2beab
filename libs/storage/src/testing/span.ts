/** The first position and the one after the last; null for a header that is to be ignored (RFC 9110, section 14.2). */
export function spanOf(
  range: string,
  size: number,
): readonly [number, number] | null | 'unsatisfiable' {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  const [from, to] =
    first === ''
      ? [size - Number(last), size]
      : [Number(first), last === '' ? size : Number(last) + 1];
  return from >= size ? 'unsatisfiable' : [Math.max(0, from), Math.min(to, size)];
}
