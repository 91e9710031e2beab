export type { Asker } from './asker.ts';
export {
  Build,
  type BuildEvent,
  type BuildLevel,
  type BuildPurpose,
  type BuildStage,
  type LayerOrigin,
  type PlannedSize,
} from './build.ts';
export type { Builder, KnownImage } from './builder.ts';
export {
  createBuilder,
  missingTools,
  type CreateBuilderOptions,
  type SourceOptions,
} from './create.ts';
export {
  BuildError,
  type BuildErrorCode,
  type BuildErrorDetails,
  type PackageProblem,
  type RefusalReason,
} from './errors.ts';
export {
  canonicalName,
  type ImageRequest,
  isIndexRequest,
  META_PACKAGES,
  parseComponents,
  parseImageName,
  parsePullRequest,
  parseTag,
  PLATFORMS,
  type PullRequest,
  requestOfChild,
  type System,
  systemsOf,
} from './image-name.ts';
export type { ManifestForm } from './image/media-types.ts';
export type { ImageOptions } from './image-builder.ts';
export { DEFAULT_COMPRESSION, parseCompression } from './layer/compressor.ts';
export { DEFAULT_LAYER_BUDGET } from './layer/plan.ts';
export { loadPopularity, PopularityError } from './layer/popularity.ts';
export type { Compression } from './layer/types.ts';
export type { Allowances } from './nix/evaluate.ts';
export {
  listAttributes,
  type ListedAttribute,
  type ListResult,
  type ListTask,
} from './nix/list.ts';
export { READ_IF_UNKNOWN, readThrough } from './intact.ts';
export { nixProblem } from './nix/probe.ts';
export type { PackageSet, PackageSetVersion } from './package-set.ts';
export { hideParameter, redactSecrets } from './process/redact.ts';
export { withNixOptions } from './process/environment.ts';
export { Scrubber, type ScrubberOptions, type ScrubEvent } from './scrubber.ts';
export { openStateDir, type StateDir } from './state-dir.ts';
export * from './housekeeping/index.ts';
export { PullLog, type PullLogOptions } from './pull-log.ts';
