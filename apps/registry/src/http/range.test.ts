import { describe, expect, it } from 'vitest';

import { parseRange } from './range.ts';

describe('a Range header', () => {
  it.each([
    ['bytes=0-9', { first: 0, last: 9 }],
    ['bytes=5-', { first: 5 }],
    ['bytes=-5', { suffix: 5 }],
    ['Bytes=1-1', { first: 1, last: 1 }],
    // Of which there are none, as of those between 9 and 5.
    ['bytes=-0', { suffix: 0 }],
    ['bytes=9-5', { suffix: 0 }],
  ])('%s asks for %j', (header, range) => {
    expect(parseRange(header)).toEqual(range);
  });

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b'])(
    '%j is ignored',
    (header) => {
      expect(parseRange(header)).toBeUndefined();
    },
  );
});
