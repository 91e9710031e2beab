import { expect, it } from 'vitest';

import { redactSecrets } from './redact.ts';

it.for([
  [
    "unable to download 'https://ci:s3cret@cache.example/x.narinfo'",
    "unable to download 'https://***@cache.example/x.narinfo'",
  ],
  [
    'fatal: could not read from git+ssh://ci:p@ss@host/repo',
    'fatal: could not read from git+ssh://***@host/repo',
  ],
  ['two: http://a:s3cret@b/ https://c:s3cret@d/', 'two: http://***@b/ https://***@d/'],
  [
    'GET https://b.example/o?X-Amz-Signature=s3cret&w=1',
    'GET https://b.example/o?X-Amz-Signature=***&w=1',
  ],
  ['https://b.example/o?X-Goog-Credential=s3cret', 'https://b.example/o?X-Goog-Credential=***'],
  ['s3://cache?region=x&secret-key=/etc/s3cret', 's3://cache?region=x&secret-key=***'],
  ['> Authorization: Basic czNjcmV0', '> Authorization: Basic ***'],
  ['proxy-authorization: s3cret', 'proxy-authorization: ***'],
  [
    "bad line 'access-tokens = github.com=s3cret gitlab.com=PAT:s3cret' in it",
    "bad line 'access-tokens = ***' in it",
  ],
  [`remote: ghp_${'s3cret'.repeat(6)} is no token`, 'remote: *** is no token'],
  [
    'https://cache.example/nix-cache-info does not exist',
    'https://cache.example/nix-cache-info does not exist',
  ],
  [
    'write to admin@example.org, see https://example.org/',
    'write to admin@example.org, see https://example.org/',
  ],
  ['checking for tokens = yes; key=value', 'checking for tokens = yes; key=value'],
] as const)('%s is shown as %s', ([text, shown]) => {
  expect(redactSecrets(text)).toBe(shown);
  expect(redactSecrets(shown)).toBe(shown);
});

it.for([
  ['letters', 'a'],
  ['addresses', 'http://'],
  ['names of secrets', 'key'],
  ['parameters', '?key'],
  ['question marks', '?'],
  ['headers', 'authorization:'],
  ['settings', 'access-tokens '],
] as const)('a line that is all %s is shown at once', ([, text]) => {
  const line = text.repeat(200_000);
  expect(redactSecrets(`${line} ?${'key'.repeat(5_000)}`)).toContain('key');
});
