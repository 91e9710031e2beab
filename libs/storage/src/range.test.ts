import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolveRange } from './range.ts';

test.each([
  { range: { first: 0, last: 0 }, size: 10, span: { offset: 0, length: 1 } },
  { range: { first: 2, last: 5 }, size: 10, span: { offset: 2, length: 4 } },
  { range: { first: 9, last: 99 }, size: 10, span: { offset: 9, length: 1 } },
  { range: { first: 3 }, size: 10, span: { offset: 3, length: 7 } },
  { range: { suffix: 4 }, size: 10, span: { offset: 6, length: 4 } },
  { range: { suffix: 99 }, size: 10, span: { offset: 0, length: 10 } },
  { range: { first: 10 }, size: 10, span: null },
  { range: { first: 10, last: 12 }, size: 10, span: null },
  { range: { suffix: 0 }, size: 10, span: null },
  { range: { first: 0 }, size: 0, span: null },
  { range: { suffix: 5 }, size: 0, span: null },
])('$range of $size bytes is $span', ({ range, size, span }) => {
  expect(resolveRange(range, size)).toEqual(span);
});

test.each([
  { range: { first: -1 } },
  { range: { first: 0.5 } },
  { range: { first: Number.NaN } },
  { range: { first: 0, last: -1 } },
  { range: { first: 0, last: Number.POSITIVE_INFINITY } },
  { range: { first: 5, last: 4 } },
  { range: { suffix: -3 } },
])('$range makes no sense, whatever the size', ({ range }) => {
  for (const size of [0, 10]) {
    expect(() => resolveRange(range, size)).toThrow(expect.objectContaining({ code: 'invalid' }));
  }
});

test('a range selects what slice selects, or nothing if that is empty', () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, index) => index);
  const position = fc.nat({ max: 60 });
  fc.assert(
    fc.property(position, position, fc.nat({ max: 40 }), (first, extra, size) => {
      const blob = bytes.subarray(0, size);
      expect(select(blob, { first, last: first + extra })).toEqual(
        blob.slice(first, first + extra + 1),
      );
      expect(select(blob, { first })).toEqual(blob.slice(first));
      expect(select(blob, { suffix: first })).toEqual(
        first === 0 ? blob.slice(size) : blob.slice(-first),
      );
    }),
  );
});

function select(blob: Uint8Array, range: Parameters<typeof resolveRange>[0]): Uint8Array {
  const span = resolveRange(range, blob.length);
  return span === null ? new Uint8Array() : blob.slice(span.offset, span.offset + span.length);
}
