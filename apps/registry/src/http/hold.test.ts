import { describe, expect, it } from 'vitest';

import { holdFor, MAX_HOPS, within } from './hold.ts';

describe('the ladder of redirects', () => {
  it('leads on by a query alone, keeps other parameters, and ends at the ninth hop', () => {
    let query = new URLSearchParams('ns=docker.io');
    const seen: string[] = [];
    for (;;) {
      const { next, waitMs } = holdFor(query, 20_000);
      if (waitMs === null) break;
      expect(waitMs).toBe(20_000);
      expect(next).toMatch(/^\?ns=docker\.io&w=\d$/);
      seen.push(next);
      query = new URLSearchParams(next);
    }
    expect(seen).toHaveLength(MAX_HOPS);
    expect(seen.at(-1)).toBe('?ns=docker.io&w=9');
  });

  it.each(['w=0', 'w=10', 'w=-1', 'w=x', 'w='])(
    'begins anew at a hop that is none: %s',
    (query) => {
      expect(holdFor(new URLSearchParams(query), 1).next).toBe('?w=1');
    },
  );
});

describe('waiting for a promise', () => {
  it('gives its value when it comes in time', async () => {
    expect(await within(Promise.resolve(7), 10_000)).toEqual({ pending: false, value: 7 });
    expect(await within(Promise.resolve(7), null)).toEqual({ pending: false, value: 7 });
  });

  it('passes its failure on', async () => {
    await expect(within(Promise.reject(new Error('no')), 10_000)).rejects.toThrow('no');
  });

  it('says that it is pending when it does not, and minds no later failure', async () => {
    const { promise, reject } = Promise.withResolvers<number>();
    expect(await within(promise, 1)).toEqual({ pending: true });
    reject(new Error('late'));
  });
});
