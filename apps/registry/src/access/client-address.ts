import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

import { forwardedFor } from './forwarded.ts';

/** A request, as far as it says where it comes from. */
export type Arrival = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/** Proxies whose word about a client's address counts. */
export class TrustedProxies {
  readonly #list: BlockList;

  private constructor(list: BlockList) {
    this.#list = list;
  }

  /**
   * @param networks addresses and networks in CIDR notation
   * @returns undefined when one of them is neither
   */
  static parse(networks: readonly string[]): TrustedProxies | undefined {
    const list = new BlockList();
    for (const network of networks) {
      const [address = '', prefix, ...more] = network.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      const bits = family === 'ipv6' ? 128 : 32;
      const length = prefix === undefined ? bits : Number(prefix);
      if (isIP(address) === 0 || more.length > 0) return undefined;
      if (!/^\d{1,3}$/.test(prefix ?? '0') || length > bits) return undefined;
      list.addSubnet(address, length, family);
    }
    return new TrustedProxies(list);
  }

  has(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/**
 * Where a request comes from. Proxies add who asked them at the end of what they were told, so the list is read from its
 * end, for as long as those who speak are trusted: what a client has made up stands before what a proxy has seen.
 * X-Forwarded-For counts before Forwarded, which most proxies pass on unread.
 */
export function clientAddress(request: Arrival, proxies: TrustedProxies | undefined): string {
  let address = plainAddress(request.socket.remoteAddress ?? '') ?? 'unknown';
  if (proxies === undefined || address === 'unknown' || !proxies.has(address)) return address;
  for (const hop of hopsOf(request).toReversed()) {
    const before = plainAddress(hop);
    if (before === undefined) return address;
    address = before;
    if (!proxies.has(address)) return address;
  }
  return address;
}

function hopsOf({ headers }: Arrival): readonly string[] {
  const listed = headers['x-forwarded-for'];
  if (listed !== undefined) return String(listed).split(',');
  const { forwarded } = headers;
  return forwarded === undefined ? [] : forwardedFor(forwarded);
}

/** An address without port and brackets, an IPv4 one in its own notation; undefined for what is none. */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bare =
    /^\[(.*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? trimmed.replace(/^([\d.]+):\d{1,5}$/, '$1');
  const mapped = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare;
  // A zone says on which of our links an address is; nobody else can know it.
  return isIP(mapped) === 0 ? undefined : mapped.replace(/%.*$/, '').toLowerCase();
}

/**
 * Whom a limit counts as one: an IPv4 address, or the network of 64 bits that an IPv6 client chooses its addresses from.
 */
export function limitKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
