import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ZstdCompressor } from './zstd.ts';

function compress(chunks: readonly Buffer[], level = 3): Buffer {
  const out: Buffer[] = [];
  const compressor = new ZstdCompressor(level, (chunk) => out.push(Buffer.from(chunk)));
  for (const chunk of chunks) compressor.push(chunk);
  compressor.finish();
  return Buffer.concat(out);
}

const frame = 8 * 1024 * 1024;

/** Half noise, half repeating; two frames and a bit. */
const input = Buffer.alloc(2 * frame + 12_345);
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

describe('ZstdCompressor', () => {
  test.each([0, 1, frame - 1, frame, frame + 1, 2 * frame, input.length])(
    'gives back the %d bytes that it was given',
    (size) => {
      const bytes = input.subarray(0, size);
      expect(zstdDecompressSync(compress([bytes])).equals(bytes)).toBe(true);
    },
  );

  test.each([65_537, 1_048_576, frame + 1])(
    'gives the same bytes for a stream cut at %d',
    (size) => {
      expect(compress(cut(input, size)).equals(compress([input]))).toBe(true);
    },
  );

  test('does not keep the chunks it is given', () => {
    const reused = Buffer.alloc(100_000);
    const out: Buffer[] = [];
    const compressor = new ZstdCompressor(1, (chunk) => out.push(Buffer.from(chunk)));
    for (const chunk of cut(input, reused.length)) {
      chunk.copy(reused);
      compressor.push(reused.subarray(0, chunk.length));
      reused.fill(0);
    }
    compressor.finish();
    expect(zstdDecompressSync(Buffer.concat(out)).equals(input)).toBe(true);
  });

  test('goes further at a higher level', () => {
    expect(compress([input], 9).length).toBeLessThan(compress([input], 1).length);
  });

  test('states the size of a frame, so that decoders need no larger buffer', () => {
    // Magic number, then a descriptor with the single-segment flag: the window is the content.
    // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.1
    const [descriptor = 0] = compress([input.subarray(0, 1000)]).subarray(4);
    expect(descriptor & 0b0010_0000).toBe(0b0010_0000);
  });
});
