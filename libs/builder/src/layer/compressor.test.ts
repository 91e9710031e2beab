import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  compressionFor,
  createCompressor,
  DEFAULT_COMPRESSION,
  parseCompression,
} from './compressor.ts';
import type { Compression } from './types.ts';

describe('parseCompression', () => {
  test.each<[string, Compression]>([
    ['gzip:1', { format: 'gzip', level: 1 }],
    ['gzip:9', { format: 'gzip', level: 9 }],
    ['zstd:3', { format: 'zstd', level: 3 }],
    ['zstd:19', { format: 'zstd', level: 19 }],
  ])('reads %s', (text, compression) => {
    expect(parseCompression(text)).toEqual(compression);
  });

  test.each([
    '',
    'gzip',
    'gzip:',
    'gzip:0',
    'gzip:10',
    'zstd:20',
    'zstd:-1',
    'xz:6',
    'GZIP:6',
    ' gzip:6',
    'gzip:6.5',
  ])('refuses %j', (text) => {
    expect(parseCompression(text)).toBeUndefined();
  });
});

describe('compressionFor', () => {
  const zstd = { format: 'zstd', level: 3 } as const;
  const gzip = { format: 'gzip', level: 9 } as const;

  test.each([
    ['oci', zstd, zstd],
    ['docker', zstd, DEFAULT_COMPRESSION],
    ['oci', gzip, gzip],
    ['docker', gzip, gzip],
  ] as const)('%s, where %o is chosen, has %o', (form, chosen, expected) => {
    expect(compressionFor(form, chosen)).toEqual(expected);
  });
});

describe('createCompressor', () => {
  const input = Buffer.from('the same, whatever it is packed as; '.repeat(1000));

  test.each([
    ['gzip:6', gunzipSync],
    ['zstd:3', zstdDecompressSync],
  ])('writes what a decoder of %s reads', (text, decompress) => {
    const compression = parseCompression(text);
    if (compression === undefined) throw new Error('not parsed');
    const out: Buffer[] = [];
    const compressor = createCompressor(compression, (chunk) => out.push(Buffer.from(chunk)));
    compressor.push(input);
    compressor.finish();
    expect(decompress(Buffer.concat(out)).equals(input)).toBe(true);
  });
});
