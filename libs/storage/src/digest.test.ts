import { expect, test } from 'vitest';
import { digestOf, isDigest } from './digest.ts';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('the digest of no bytes is the well-known one', () => {
  expect(digestOf(new Uint8Array())).toBe(EMPTY);
});

test.each([
  { text: EMPTY, valid: true },
  { text: EMPTY.toUpperCase(), valid: false },
  { text: EMPTY.slice(0, -1), valid: false },
  { text: `${EMPTY}0`, valid: false },
  { text: `${EMPTY}\n`, valid: false },
  { text: EMPTY.replace('sha256', 'sha512'), valid: false },
  { text: `sha256:../${EMPTY.slice(10)}`, valid: false },
])('$text is a digest: $valid', ({ text, valid }) => {
  expect(isDigest(text)).toBe(valid);
});
