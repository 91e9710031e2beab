import { describe, expect, it } from 'vitest';

import { parseAuthorization } from './authorization.ts';

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('an Authorization header', () => {
  it.for([
    ['Basic', basic('alice:secret'), { scheme: 'basic', user: 'alice', password: 'secret' }],
    [
      'Basic with a colon in the password',
      basic('a:b:c'),
      { scheme: 'basic', user: 'a', password: 'b:c' },
    ],
    ['Basic in UTF-8', basic('örtchen:pä'), { scheme: 'basic', user: 'örtchen', password: 'pä' }],
    [
      'Basic in lower case',
      basic('a:b').replace('Basic', 'basic'),
      { scheme: 'basic', user: 'a', password: 'b' },
    ],
    ['Basic without a user', basic(':b'), { scheme: 'basic', user: '', password: 'b' }],
    ['Bearer', 'Bearer abc.def-1~+/==', { scheme: 'bearer', token: 'abc.def-1~+/==' }],
  ] as const)('is read: %s', ([, header, credentials]) => {
    expect(parseAuthorization(header)).toEqual(credentials);
  });

  it.for([
    undefined,
    '',
    'Basic',
    'Basic !!!',
    basic('no colon'),
    basic(':'),
    'Bearer',
    'Bearer a b',
    'Digest username="alice"',
    'Negotiate abcd',
  ])('is none: %j', (header) => {
    expect(parseAuthorization(header)).toBeUndefined();
  });
});
