export { createCache } from './create.ts';
export { type Kept, Recent } from './recent.ts';
export { CacheError, type CacheErrorCode } from './errors.ts';
export type { CacheClient, CacheOptions, CacheStats, CacheStatus } from './contract.ts';
export type { CacheEvent, CacheWarning } from './events.ts';
export type { BlobRole } from './messages.ts';
export type {
  BlobHolder,
  Descriptor,
  Digest,
  DropTarget,
  FormsHit,
  Freshness,
  KnownForms,
  LayerEntry,
  LayerRecord,
  ListCursor,
  ManifestEntry,
  ManifestForms,
  ManifestHit,
  ManifestKind,
  ManifestRecord,
} from './records.ts';
