import { describe, expect, it } from 'vitest';

import { keyOf } from './keys.ts';

describe('a key', () => {
  it('does not depend on the order in which an object was made', () => {
    expect(keyOf({ a: 1, b: { c: [1, 2], d: null } })).toBe(
      keyOf({ b: { d: null, c: [1, 2] }, a: 1 }),
    );
  });

  it('tells values apart whatever characters they hold', () => {
    expect(keyOf({ packages: ['a/b'] })).not.toBe(keyOf({ packages: ['a', 'b'] }));
    expect(keyOf(['a', 'b'])).not.toBe(keyOf(['b', 'a']));
  });
});
