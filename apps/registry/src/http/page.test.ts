import { describe, expect, it } from 'vitest';

import { HttpError } from './errors.ts';
import { parsePage } from './page.ts';

describe('the page of a listing', () => {
  it.each([
    ['', { size: 999, last: undefined }],
    ['n=5', { size: 5, last: undefined }],
    ['n=0&last=a', { size: 0, last: 'a' }],
    ['n=99999999999999999999', { size: 999, last: undefined }],
    ['last=v1%2B', { size: 999, last: 'v1+' }],
  ])('of the query "%s" is %j', (query, page) => {
    expect(parsePage(new URLSearchParams(query))).toEqual(page);
  });

  it.each(['n=', 'n=-1', 'n=x', 'n=1.5', 'n=1e3'])('is refused for %s', (query) => {
    expect(() => parsePage(new URLSearchParams(query))).toThrow(HttpError);
  });
});
