import { expect, it } from 'vitest';

import { redactUrl } from './redact.ts';

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
] as const)('%s is logged as %s', ([url, logged]) => {
  expect(redactUrl(url)).toBe(logged);
});
