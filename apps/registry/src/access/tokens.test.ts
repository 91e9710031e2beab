import { describe, expect, it } from 'vitest';

import { parseTokens } from './tokens.ts';

describe('a file of tokens', () => {
  it('tells whose a token is, of which a user may have several', () => {
    const tokens = parseTokens(
      'ci:0123456789abcdef0123\nci:another-token-of-ci\nbob:bobs.own~token+1/2==\n',
    );
    expect(tokens.userOf('0123456789abcdef0123')).toBe('ci');
    expect(tokens.userOf('another-token-of-ci')).toBe('ci');
    expect(tokens.userOf('bobs.own~token+1/2==')).toBe('bob');
    expect(tokens.userOf('0123456789abcdef012')).toBeUndefined();
    expect(tokens.userOf('')).toBeUndefined();
  });

  it.for(['ci:too-short', 'ci:with spaces in the token', 'ci:ünïcödé-is-not-a-token'])(
    'refuses %j without repeating the token',
    (line) => {
      expect(() => parseTokens(line)).toThrow(/^line 1: a token has at least 16/);
      expect(() => parseTokens(line)).not.toThrow(line.slice(3));
    },
  );

  it('refuses a token that stands for two users', () => {
    expect(() => parseTokens('a:0123456789abcdef0123\nb:0123456789abcdef0123')).toThrow(
      'line 2: this token stands in the file twice',
    );
  });
});
