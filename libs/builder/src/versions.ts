import type { Json } from './image/json.ts';
import { TAR_VERSION } from './layer/tar.ts';
import { ZSTD_VERSION } from './layer/zstd.ts';
import type { Compression } from './layer/types.ts';

const LIBRARIES = { gzip: 'zlib', zstd: 'zstd' } as const;
const VERSIONS = { gzip: undefined, zstd: ZSTD_VERSION } as const;

/**
 * What decides a layer's bytes besides its files; part of every key. Compressed bytes depend on the library that made
 * them: https://github.com/nodejs/node/blob/main/doc/api/process.md#processversions
 */
export function layerFormat({ format, level }: Compression): Json {
  const library = process.versions[LIBRARIES[format]] ?? '';
  return { tar: TAR_VERSION, compression: { format, level, library, version: VERSIONS[format] } };
}
