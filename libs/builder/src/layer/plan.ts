import type { LayerPlan, StorePathInfo } from './types.ts';

/**
 * Layers of store paths an image may have. Docker's overlay driver stops at 128 layers, and an image built FROM ours
 * needs room; the symlink layer comes on top.
 */
export const DEFAULT_LAYER_BUDGET = 94;

/** Changes whenever the same graph is planned differently. It is part of every key that a planned image is found by. */
export const LAYERING_VERSION = 1;

export interface PlanOptions {
  /** The most layers the plan may have; below 1 counts as 1. */
  readonly budget?: number;
}

/**
 * Spreads a reference graph over layers: one layer a store path while the budget lasts, else the largest paths alone
 * and the rest together in the last layer.
 *
 * Pure and total: the plan depends on the set of paths and their sizes only, not on the order they come in. A path
 * that is named twice is planned once.
 */
export function planLayers(
  graph: readonly StorePathInfo[],
  { budget = DEFAULT_LAYER_BUDGET }: PlanOptions = {},
): LayerPlan {
  const paths = [...new Map(graph.map((info) => [info.path, info])).values()].sort(bySizeThenName);
  const alone = paths.length <= budget ? paths.length : Math.max(0, Math.floor(budget) - 1);
  const layers = paths.slice(0, alone).map((info) => ({ paths: [info] }));
  const rest = paths.slice(alone).sort(byName);
  return rest.length === 0 ? layers : [...layers, { paths: rest }];
}

function bySizeThenName(a: StorePathInfo, b: StorePathInfo): number {
  return b.narSize - a.narSize || byName(a, b);
}

/** By code unit: a locale's collation would give another plan on another machine. */
function byName(a: StorePathInfo, b: StorePathInfo): number {
  if (a.path === b.path) return 0;
  return a.path < b.path ? -1 : 1;
}
