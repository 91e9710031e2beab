import { describe, expect, it } from 'vitest';

import { clientAddress, limitKey, TrustedProxies } from './client-address.ts';

const proxies = TrustedProxies.parse(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

function addressOf(
  remoteAddress: string | undefined,
  headers: Record<string, string> = {},
  trusted: TrustedProxies | undefined = proxies,
): string {
  return clientAddress({ headers, socket: { remoteAddress } }, trusted);
}

describe('the address of a client', () => {
  it('is that of the connection where no proxy is trusted', () => {
    const headers = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1' };
    expect(clientAddress({ headers, socket: { remoteAddress: '10.1.1.1' } }, undefined)).toBe(
      '10.1.1.1',
    );
    expect(addressOf('203.0.113.9', headers)).toBe('203.0.113.9');
    expect(addressOf('::ffff:203.0.113.9', headers)).toBe('203.0.113.9');
    expect(addressOf(undefined, headers)).toBe('unknown');
  });

  it.for([
    ['one proxy', '198.51.100.1', '198.51.100.1'],
    ['what the client made up stands in front', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
    ['two proxies', '1.2.3.4, 198.51.100.1, 10.2.2.2', '198.51.100.1'],
    ['only proxies', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['a port', '198.51.100.1:4711', '198.51.100.1'],
    ['IPv6', '2001:db8::1', '2001:db8::1'],
    ['IPv6 with a port', '[2001:DB8::1]:4711', '2001:db8::1'],
    ['IPv4 in IPv6', '::ffff:198.51.100.1', '198.51.100.1'],
    ['nonsense ends the list', '198.51.100.1, unknown, 10.2.2.2', '10.2.2.2'],
    ['nothing', '', '10.1.1.1'],
  ] as const)('behind a trusted proxy comes from X-Forwarded-For: %s', ([, header, expected]) => {
    expect(addressOf('10.1.1.1', { 'x-forwarded-for': header })).toBe(expected);
  });

  it.for([
    ['a token', 'for=198.51.100.1;proto=https;by=10.1.1.1', '198.51.100.1'],
    ['quoted IPv6', 'For="[2001:db8::1]:4711"', '2001:db8::1'],
    ['several elements', 'for=1.2.3.4, for=198.51.100.1;host="a, b", for=10.2.2.2', '198.51.100.1'],
    ['hidden', 'for=_secret', '10.1.1.1'],
    ['an element without', 'for=198.51.100.1, proto=https', '10.1.1.1'],
    ['an unclosed quote', 'host="x, for=198.51.100.1', '10.1.1.1'],
  ] as const)('or from Forwarded: %s', ([, forwarded, expected]) => {
    expect(addressOf('192.0.2.7', { forwarded })).toBe(
      expected === '10.1.1.1' ? '192.0.2.7' : expected,
    );
  });

  it('comes from X-Forwarded-For where there are both', () => {
    const headers = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=1.2.3.4' };
    expect(addressOf('fd00::1', headers)).toBe('198.51.100.1');
  });
});

describe('a list of trusted proxies', () => {
  it.for(['10.0.0.0/33', '10.0.0', 'fd00::/129', 'proxy.example', '10.0.0.0/8/8', '10.0.0.0/', ''])(
    'cannot hold %j',
    (network) => {
      expect(TrustedProxies.parse([network])).toBeUndefined();
    },
  );

  it('can hold every address there is', () => {
    expect(TrustedProxies.parse(['0.0.0.0/0', '::/0'])?.has('198.51.100.1')).toBe(true);
  });
});

describe('whom a limit counts as one', () => {
  it.for([
    ['198.51.100.1', '198.51.100.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['unknown', 'unknown'],
  ] as const)('%s is %s', ([address, key]) => {
    expect(limitKey(address)).toBe(key);
  });
});
