import { LAYERING_VERSION } from './layer/plan.ts';
import { SYMLINK_LAYER_VERSION } from './layer/skeleton.ts';
import { TAR_VERSION } from './layer/tar.ts';

/** Versions of everything of ours that decides an image's bytes; part of every key. */
export const LAYER_FORMAT = {
  plan: LAYERING_VERSION,
  tar: TAR_VERSION,
  symlinks: SYMLINK_LAYER_VERSION,
  // Deflate's output depends on the library that made it.
  zlib: process.versions.zlib,
} as const;
