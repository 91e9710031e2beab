import type { ManifestForm } from '../image/media-types.ts';
import { GzipCompressor } from './gzip.ts';
import type { Compression, Compressor } from './types.ts';
import { ZstdCompressor } from './zstd.ts';

/** Beyond zstd's 19, unpacking takes more memory than clients need to give: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2 */
const LEVELS = { gzip: { min: 1, max: 9 }, zstd: { min: 1, max: 19 } } as const;

/** gzip, since all clients know it. Level 4 takes 0.6 of level 6's processor time for 3 % more bytes: docs/benchmarks/layers.md */
export const DEFAULT_COMPRESSION = {
  format: 'gzip',
  level: 4,
} as const satisfies Compression;

/** Reads `gzip:6` or `zstd:3`; undefined where that is not a format and a level that it has. */
export function parseCompression(text: string): Compression | undefined {
  const [, format, digits] = /^(gzip|zstd):(\d{1,2})$/.exec(text) ?? [];
  if (format !== 'gzip' && format !== 'zstd') return undefined;
  const level = Number(digits);
  const { min, max } = LEVELS[format];
  return level < min || level > max ? undefined : { format, level };
}

/** How layers are compressed for clients that take this form: those that know Docker's alone know no zstd. */
export function compressionFor(form: ManifestForm, chosen: Compression): Compression {
  return form === 'docker' && chosen.format !== 'gzip' ? DEFAULT_COMPRESSION : chosen;
}

export function createCompressor(
  { format, level }: Compression,
  sink: (chunk: Buffer) => void,
): Compressor {
  switch (format) {
    case 'gzip':
      return new GzipCompressor(level, sink);
    case 'zstd':
      return new ZstdCompressor(level, sink);
  }
}
