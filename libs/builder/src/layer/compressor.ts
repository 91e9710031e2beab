import { MEDIA_TYPES } from '../image/media-types.ts';
import { GzipCompressor } from './gzip.ts';
import type { Compression, Compressor } from './types.ts';
import { ZstdCompressor } from './zstd.ts';

/** Beyond zstd's 19, unpacking takes more memory than clients need to give: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2 */
const LEVELS = { gzip: { min: 1, max: 9 }, zstd: { min: 1, max: 19 } } as const;

/** What a layer is labelled as: https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#zstd-media-types */
export const LAYER_MEDIA_TYPES = {
  gzip: MEDIA_TYPES.oci.gzipLayer,
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const satisfies Record<Compression['format'], string>;

/** Reads `gzip:6` or `zstd:3`; undefined where that is not a format and a level that it has. */
export function parseCompression(text: string): Compression | undefined {
  const [, format, digits] = /^(gzip|zstd):(\d{1,2})$/.exec(text) ?? [];
  if (format !== 'gzip' && format !== 'zstd') return undefined;
  const level = Number(digits);
  const { min, max } = LEVELS[format];
  return level < min || level > max ? undefined : { format, level };
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
