import {
  groupByHeight,
  groupByPopularity,
  groupByRoots,
  orderReferences,
  type GroupOf,
} from './companions.ts';
import { byCodeUnit, storeName } from './store-name.ts';
import type { LayerPlan, PlannedLayer, PopularityCounts, StorePathInfo } from './types.ts';

/**
 * Layers of store paths an image may have. Docker's overlay driver stops at 128 layers, and an image built FROM ours
 * needs room; the symlink layer comes on top.
 */
export const DEFAULT_LAYER_BUDGET = 94;

/** Changes whenever the same graph is planned differently. It is part of every key that a planned image is found by. */
export const LAYERING_VERSION = 3;

/**
 * NAR size from which a path has a layer of its own (bytes). Below it, fetching the path once too often costs less than
 * a client spends on one more layer: about 30 ms beyond the first thirty, 375 KB at 100 Mbit/s. docs/benchmarks/layers.md
 */
const ALONE_FROM = 96 * 1024;

export interface PlanOptions {
  /** The most layers the plan may have; below 1 counts as 1. */
  readonly budget?: number;
  /** How much of the package set refers to each path; without it, companions are told from the graph alone. */
  readonly popularity?: PopularityCounts | undefined;
}

/**
 * Spreads a reference graph over layers that other images will have as well: large paths alone, small ones together
 * with those that they travel with, and where that makes too many layers, the smallest of them together with those that
 * stand as high, since a new version of a path changes what stands on it; or, where that is known, with those that are as popular.
 *
 * Whether two paths share a layer follows from their sizes and from what refers to them. It does not follow from hashes
 * or from what else is in the image, so a new version of a package, or one package more, leaves the other layers alone.
 *
 * Pure and total: the plan does not depend on the order of the graph. A path that is named twice is planned once.
 */
export function planLayers(
  graph: readonly StorePathInfo[],
  { budget = DEFAULT_LAYER_BUDGET, popularity }: PlanOptions = {},
): LayerPlan {
  const paths = sortByName([...new Map(graph.map((info) => [info.path, info])).values()]);
  const order = orderReferences(paths);
  const groupOf =
    popularity === undefined ? groupByRoots(order) : groupByPopularity(popularity, FINE);
  const groups = Map.groupBy(paths, (info) =>
    info.narSize < ALONE_FROM ? groupOf(info) : info.path,
  );
  const layers = [...groups.values()].map(toLayer).sort(bySizeThenName);
  const tailsOf = () =>
    popularity === undefined ? groupByHeight(order) : groupByPopularity(popularity, COARSE);
  return fit(layers, Math.max(1, Math.floor(budget)), tailsOf)
    .sort(bySizeThenName)
    .map(({ paths }) => ({ paths }));
}

/** Steps of popularity per doubling: fine where paths are few and small, coarse where many have to go together. */
const FINE = 2;
const COARSE = 0.5;

interface SizedLayer extends PlannedLayer {
  /** Sum of the NAR sizes, in bytes. */
  readonly size: number;
}

function toLayer(paths: readonly StorePathInfo[]): SizedLayer {
  return { paths, size: paths.reduce((sum, { narSize }) => sum + narSize, 0) };
}

/**
 * Takes the smallest layers apart until there are few enough, and puts their paths together by tail.
 *
 * @param layers the largest first
 */
function fit(layers: readonly SizedLayer[], budget: number, tailsOf: () => GroupOf): SizedLayer[] {
  if (layers.length <= budget) return [...layers];
  const tailOf = tailsOf();
  const tails = new Map<bigint, StorePathInfo[]>();
  let kept = layers.length;
  while (kept > 0 && kept + tails.size > budget) {
    kept -= 1;
    for (const info of layers[kept]?.paths ?? []) {
      const tail = tailOf(info);
      const members = tails.get(tail);
      if (members === undefined) tails.set(tail, [info]);
      else members.push(info);
    }
  }
  const merged = tails.size > budget ? [[...tails.values()].flat()] : [...tails.values()];
  return [...layers.slice(0, kept), ...merged.map((paths) => toLayer(sortByName(paths)))];
}

function bySizeThenName(a: SizedLayer, b: SizedLayer): number {
  const [first, second] = [a.paths[0], b.paths[0]];
  if (a.size !== b.size || first === undefined || second === undefined) return b.size - a.size;
  return byName(named(first), named(second));
}

interface NamedPath {
  readonly info: StorePathInfo;
  readonly name: string;
}

function named(info: StorePathInfo): NamedPath {
  return { info, name: storeName(info.path) };
}

function sortByName(paths: readonly StorePathInfo[]): readonly StorePathInfo[] {
  return paths
    .map(named)
    .sort(byName)
    .map(({ info }) => info);
}

/** Names first: hashes change with every version, and would bring another order with them. */
function byName(a: NamedPath, b: NamedPath): number {
  return byCodeUnit(a.name, b.name) || byCodeUnit(a.info.path, b.info.path);
}
