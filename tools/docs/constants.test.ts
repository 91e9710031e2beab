import { describe, expect, test } from 'vitest';
import { constantOf } from './constants.ts';

const source = `
const HOUR_MS = 3_600_000;
/** Six hours. */
export const KEPT_MS: number = 6 * HOUR_MS;
const HEAP = 2 * 1024 ** 3;
const COMPUTED = compute();
const options = {
  maxLayers: 1_000_000,
  bytes: 8 * 1024 * 1024,
};
`;

describe('a number that a source file states', () => {
  test.each([
    ['HOUR_MS', 3_600_000],
    ['KEPT_MS', 21_600_000],
    ['HEAP', 2_147_483_648],
    ['maxLayers', 1_000_000],
    ['bytes', 8_388_608],
  ])('%s is %d', (name, value) => {
    expect(constantOf(source, name)).toBe(value);
  });

  test.each(['KEPT', 'COMPUTED', 'compute'])('is missed where %s is none', (name) => {
    expect(() => constantOf(source, name)).toThrow(
      expect.objectContaining({ code: 'no-limit', message: `no number is called ${name}` }),
    );
  });
});
