// What puts store paths into layers, for tools that measure it; image building is in the library's own index.
export { parseDump } from '../nix/graph.ts';
export { parseCompression } from './compressor.ts';
export { packLayer } from './pack.ts';
export { DEFAULT_LAYER_BUDGET, planLayers } from './plan.ts';
export {
  loadPopularity,
  type Popularity,
  PopularityError,
  type PopularityErrorCode,
} from './popularity.ts';
export { byCodeUnit, storeName } from './store-name.ts';
export type { PackLayerResult, PackLayerTask } from './task.ts';
export type {
  Compression,
  LayerPlan,
  PackedLayer,
  PlannedLayer,
  PopularityCounts,
  Sha256Digest,
  StorePathInfo,
} from './types.ts';
export { PACK_LIMITS } from './young-garbage.ts';
