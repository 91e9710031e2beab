import {
  byCodeUnit,
  type LayerPlan,
  type PopularityCounts,
  type StorePathInfo,
  storeName,
} from '@nixery/builder/layer';
import { dominators } from './layers-dominators.ts';

/** The largest paths alone; where there are more than the budget, the rest in the last layer. */
export function planSinglePaths(graph: readonly StorePathInfo[], budget: number): LayerPlan {
  const paths = [...graph].sort(
    (a, b) => b.narSize - a.narSize || byCodeUnit(storeName(a.path), storeName(b.path)),
  );
  const layers = paths.map((info) => ({ paths: [info] }));
  if (layers.length <= budget) return layers;
  return [...layers.slice(0, budget - 1), { paths: paths.slice(budget - 1) }];
}

/** The largest paths alone, all that are smaller than `limit` bytes in one layer. */
export function planSmallTogether(
  graph: readonly StorePathInfo[],
  budget: number,
  limit: number,
): LayerPlan {
  const large = graph.filter(({ narSize }) => narSize >= limit).length;
  return planSinglePaths(graph, Math.min(budget, large + 1));
}

const LARGE_CLOSURE = 100_000_000;
const POPULAR = 100;

/**
 * Nixery's plan, as its documentation describes it: a layer for each child of the root in the dominator tree, with an
 * edge of its own from the root for what is popular or has a large closure, and those with the lowest popularity times size
 * merged. https://tazj.in/blog/nixery-layers
 */
export function planDominators(
  graph: readonly StorePathInfo[],
  budget: number,
  popularity: PopularityCounts = new Map(),
): LayerPlan {
  const popular = ({ path }: StorePathInfo) => popularity.get(storeName(path)) ?? 1;
  const closureSize = closureSizes(graph);
  const tree = dominators(
    graph,
    (info) => popular(info) >= POPULAR || closureSize(info) > LARGE_CLOSURE,
  );
  const layers = [...Map.groupBy(graph, tree.childOfRoot).values()].map((paths) => ({
    paths,
    rating: paths.reduce((sum, info) => sum + info.narSize * popular(info), 0),
  }));
  layers.sort((a, b) => b.rating - a.rating);
  if (layers.length <= budget) return layers;
  const rest = layers.slice(budget - 1).flatMap(({ paths }) => paths);
  return [...layers.slice(0, budget - 1), { paths: rest }];
}

/** Sums of references' closures, which count what is reached twice twice. */
function closureSizes(graph: readonly StorePathInfo[]): (info: StorePathInfo) => number {
  const byPath = new Map(graph.map((info) => [info.path, info]));
  const sizes = new Map<string, number>();
  const sizeOf = (info: StorePathInfo): number => {
    const known = sizes.get(info.path);
    if (known !== undefined) return known;
    sizes.set(info.path, 0);
    const parts = info.references.map((path) => {
      const other = byPath.get(path);
      return other === undefined ? 0 : sizeOf(other);
    });
    const size = parts.reduce((sum, part) => sum + part, info.narSize);
    sizes.set(info.path, size);
    return size;
  };
  return sizeOf;
}
