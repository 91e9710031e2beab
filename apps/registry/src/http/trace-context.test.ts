import { describe, expect, it } from 'vitest';

import { parseTraceparent } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent header', () => {
  it.each([
    ['of version 00', `00-${TRACE}-${SPAN}-01`],
    ['that is not sampled', `00-${TRACE}-${SPAN}-00`],
    ['with flags that are not known yet', `00-${TRACE}-${SPAN}-ff`],
    ['of a later version', `cc-${TRACE}-${SPAN}-01`],
    ['of a later version that has more in it', `01-${TRACE}-${SPAN}-01-what-the-future-brings`],
  ])('%s is taken', (_what, header) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, parentId: SPAN });
  });

  it.each([
    ['of the version that there is not', `ff-${TRACE}-${SPAN}-01`],
    ['of version 00 with more in it', `00-${TRACE}-${SPAN}-01-more`],
    ['of a later version with more but no dash', `01-${TRACE}-${SPAN}-01more`],
    ['in capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['whose trace is all zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['whose span is all zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['without flags', `00-${TRACE}-${SPAN}`],
    ['with spaces in it', `00-${TRACE} ${SPAN}-01`],
    ['with a line break at its end', `00-${TRACE}-${SPAN}-01\n`],
    ['that was sent twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['that is empty', ''],
  ])('%s is ignored', (_what, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
