import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GzipCompressor } from './gzip.ts';

function compress(chunks: readonly Buffer[], level = 6): Buffer {
  const out: Buffer[] = [];
  const compressor = new GzipCompressor(level, (chunk) => out.push(Buffer.from(chunk)));
  for (const chunk of chunks) compressor.push(chunk);
  compressor.finish();
  return Buffer.concat(out);
}

/** Half random, half repeating at a distance of 20 KB; three blocks and a bit. */
const input = Buffer.alloc(1_700_000);
let seed = 1;
for (let i = 0; i < input.length; i++) {
  seed = (seed * 16807) % 2147483647;
  input[i] = i % 40_000 < 20_000 ? seed & 255 : (input[i - 20_000] ?? 0);
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

describe('GzipCompressor', () => {
  test('gives back what it was given, whatever the size', () => {
    const block = 512 * 1024;
    for (const size of [0, 1, 511, block - 1, block, block + 1, 2 * block, input.length]) {
      const bytes = input.subarray(0, size);
      expect(gunzipSync(compress([bytes])).equals(bytes)).toBe(true);
    }
  });

  test('gives the same bytes however the stream was cut', () => {
    const whole = compress([input]);
    const sizes = fc.constantFrom(1000, 4096, 65_537, 524_287, 524_288, 524_289, 1_048_576);
    fc.assert(
      fc.property(sizes, (size) => {
        expect(compress(cut(input, size)).equals(whole)).toBe(true);
      }),
      { numRuns: 14 },
    );
  });

  test('does not keep the chunks it is given', () => {
    const reused = Buffer.alloc(100_000);
    const out: Buffer[] = [];
    const compressor = new GzipCompressor(6, (chunk) => out.push(Buffer.from(chunk)));
    for (const chunk of cut(input, reused.length)) {
      chunk.copy(reused);
      compressor.push(reused.subarray(0, chunk.length));
      reused.fill(0);
    }
    compressor.finish();
    expect(gunzipSync(Buffer.concat(out)).equals(input)).toBe(true);
  });

  test('refers back over the edges of blocks', () => {
    const repeated = cut(input, 20_000)[0] ?? input;
    const bytes = Buffer.concat(Array.from({ length: 100 }, () => repeated));
    // Once in full, and references from then on; in full for each of four blocks if they knew nothing of each other.
    expect(compress([bytes]).length).toBeLessThan(2 * repeated.length);
  });

  test.each([1, 3, 6, 9])('writes one member that gzip accepts at level %d', (level) => {
    const bytes = compress([input], level);
    expect(execFileSync('gzip', ['-dc'], { input: bytes, maxBuffer: 1e7 }).equals(input)).toBe(
      true,
    );
    expect(execFileSync('gzip', ['-l', '-v'], { input: bytes }).toString()).toContain(
      String(input.length),
    );
  });

  test('states no time and no system', () => {
    expect(compress([]).subarray(0, 10)).toEqual(
      Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]),
    );
  });
});
