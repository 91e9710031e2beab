import { expect, it } from 'vitest';

import { describeError, redactUrl } from './redact.ts';

it.for([
  ['/v2/shell/git/manifests/latest', '/v2/shell/git/manifests/latest'],
  ['/v2/git/manifests/latest?ns=docker.io&w=3', '/v2/git/manifests/latest?ns=docker.io&w=3'],
  ['/v2/?token=s3cret', '/v2/?token=***'],
  ['/v2/?ns=a&access_token=s3cret&w=1', '/v2/?ns=a&access_token=***&w=1'],
  ['/v2/?X-Amz-Signature=s3cret;Password=s3cret', '/v2/?X-Amz-Signature=***;Password=***'],
  ['http://alice:s3cret@registry.example/v2/', 'http://***@registry.example/v2/'],
  [
    'https://alice:p@ss@registry.example/v2/?api_key=s3cret#x',
    'https://***@registry.example/v2/?api_key=***#x',
  ],
  ['/v2/a@sha256/manifests', '/v2/a@sha256/manifests'],
  ['/?a=b', '/?a=b'],
  ['/v2/keys/manifests/latest?ns=a&b', '/v2/keys/manifests/latest?ns=a&b'],
  ['/?key?x=s3cret', '/?key?x=***'],
  ['/?a&token=s3cret=x?y', '/?a&token=***'],
] as const)('%s is logged as %s', ([url, logged]) => {
  expect(redactUrl(url)).toBe(logged);
});

it.for([
  ['one name', `/v2/?${'key'.repeat(5_000)}`],
  ['names', `/v2/${'?key'.repeat(4_000)}`],
  ['question marks', `/v2/${'?'.repeat(8_000)}${'key'.repeat(2_500)}`],
  ['slashes', `/v2/?${'//'.repeat(8_000)}`],
] as const)('an address that is all %s is logged at once, as it is', ([, url]) => {
  expect(redactUrl(url)).toBe(url);
});

it('an error is logged with its causes, without secrets, and without what else it carries', () => {
  const carried = { code: 'ENOENT', spawnargs: ['fetch', 'https://ci:s3cret@host/'] };
  const cause = Object.assign(new Error('cannot fetch https://ci:s3cret@host/'), carried);
  const described = describeError(new TypeError('it failed', { cause }));
  expect(described).toMatchObject({
    type: 'TypeError',
    message: 'it failed',
    stack: expect.stringContaining('redact.test.ts'),
    cause: { type: 'Error', code: 'ENOENT', message: 'cannot fetch https://***@host/' },
  });
  expect(JSON.stringify(described)).not.toMatch(/s3cret|spawnargs/);
});

it('what is thrown and is no error, or is its own cause, is logged too', () => {
  expect(describeError('https://ci:s3cret@host/')).toBe('https://***@host/');
  const own = new Error('own');
  own.cause = own;
  expect(JSON.stringify(describeError(own))).toContain('own');
});
