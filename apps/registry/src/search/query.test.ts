import { DatabaseSync } from 'node:sqlite';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { matchExpression, parseQuery } from './query.ts';

const db = new DatabaseSync(':memory:');
db.exec("CREATE VIRTUAL TABLE words USING fts5(a, b, prefix = '1 2 3')");
db.exec("INSERT INTO words VALUES ('ripgrep', 'searches folders'), ('a', 'b')");
afterAll(() => db.close());

function matches(text: string): number {
  const { words } = parseQuery(text);
  if (words.length === 0) return 0;
  return db.prepare('SELECT rowid FROM words WHERE words MATCH ?').all(matchExpression(words))
    .length;
}

describe('a query', () => {
  it.each([
    ['git', 'git', ['git']],
    [' Git ', 'git', ['git']],
    ['python3Packages.requests', 'python3packages.requests', ['python3packages', 'requests']],
    ['_1password', '1password', ['1password']],
    ['json parser', '', ['json', 'parser']],
    ['json json', '', ['json']],
    ['c++', '', ['c']],
    ['Ünïcode', '', ['ünïcode']],
    ['', '', []],
    ['%', '', []],
  ])('%j is the attribute %j or the words %j', (text, attribute, words) => {
    expect(parseQuery(text)).toEqual({ attribute, words });
  });

  it.each(['"', 'rip" OR "a', 'a: b', 'NEAR(a b)', '-a', 'a*', '^a', '{a b}: a', "'", '\u0000"'])(
    'with FTS5 syntax, such as %j, is no syntax',
    (text) => {
      expect(() => matches(text)).not.toThrow();
      for (const word of parseQuery(text).words) expect(word).toMatch(/^[a-z]+$/);
    },
  );

  it('asks for all of its words, each as the beginning of one', () => {
    expect(matches('ripg sea')).toBe(1);
    expect(matches('ripg nothing')).toBe(0);
    expect(matches('a OR ripgrep')).toBe(0);
  });

  it('has a bounded number of words of bounded length, whatever was typed', () => {
    const { words } = parseQuery(`${'x'.repeat(100)} ${'a b c d e f g h i j k l '.repeat(100)}`);
    expect(words[0]).toHaveLength(64);
    expect(words).toHaveLength(8);
  });

  it('can be any text at all: it is neither an error nor anything but letters and digits', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(
          fc.constantFrom('"', '*', 'OR', 'NOT', '(', ')', ':', '-', 'a', ' ', '\u0000', '{', '+'),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (typed) => {
        const { attribute, words } = parseQuery(typed);
        expect(attribute).toMatch(/^(?:[a-z0-9][a-z0-9._-]*)?$/);
        for (const word of words) expect(word).toMatch(/^[\p{L}\p{N}]+$/u);
        expect(() => matches(typed)).not.toThrow();
      }),
    );
  });
});
