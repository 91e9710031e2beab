import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toJsonDocument } from './json.ts';

test('gives the same bytes whatever order the keys were set in', () => {
  const a = toJsonDocument({ b: [{ d: 1, c: null }], a: 'x' }, 'application/json');
  const b = toJsonDocument({ a: 'x', b: [{ c: null, d: 1 }] }, 'application/json');
  expect(a.bytes.toString()).toBe('{"a":"x","b":[{"c":null,"d":1}]}');
  expect(b).toEqual(a);
});

test('leaves out what is undefined', () => {
  expect(toJsonDocument({ a: undefined, b: 1 }, 'x').bytes.toString()).toBe('{"b":1}');
});

test('sorts keys by code unit, upper case before lower case', () => {
  expect(toJsonDocument({ a: 1, B: 2 }, 'x').bytes.toString()).toBe('{"B":2,"a":1}');
});

test('states digest and size of the bytes, not of the characters', () => {
  expect(toJsonDocument('ü', 'application/json')).toEqual({
    bytes: Buffer.from('"ü"'),
    digest: 'sha256:e4c77d3f26dacb0bcd1ef966781f0988c483f20cb118c5605ccf670c17944c6f',
    size: 4,
    mediaType: 'application/json',
  });
});

test('keeps every value that JSON has', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const { bytes } = toJsonDocument(value, 'application/json');
      expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
