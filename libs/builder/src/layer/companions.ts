import { storeName } from './store-name.ts';
import type { PopularityCounts, StorePathInfo } from './types.ts';

/** Paths with the same group travel together. */
type GroupOf = (info: StorePathInfo) => bigint;

interface Node {
  readonly references: readonly Node[];
  /** References to this one that are not followed yet. */
  waitsFor: number;
  /** A bit for each root that leads here. */
  roots: bigint;
}

/**
 * Groups paths by what in the graph needs them: those that the same roots lead to (paths that nothing else refers to,
 * the packages asked for) come and go with those packages. A package that shares nothing with the others changes none
 * of their groups.
 *
 * References to paths outside of the graph count for nothing. A graph with a circle, which no Nix store has, is taken
 * as it is: what only a circle leads to is one group.
 */
export function groupByRoots(graph: readonly StorePathInfo[]): GroupOf {
  const nodes = nodesOf(graph);
  const ready = [...nodes.values()].filter(({ waitsFor }) => waitsFor === 0);
  for (const [index, root] of ready.entries()) root.roots = 1n << BigInt(index);
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    for (const reference of node.references) {
      reference.roots |= node.roots;
      reference.waitsFor -= 1;
      if (reference.waitsFor === 0) ready.push(reference);
    }
  }
  return ({ path }) => nodes.get(path)?.roots ?? 0n;
}

function nodesOf(graph: readonly StorePathInfo[]): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node & { readonly references: Node[] }>();
  for (const { path } of graph) nodes.set(path, { references: [], waitsFor: 0, roots: 0n });
  for (const { path, references } of graph) {
    const node = nodes.get(path);
    for (const reference of references) {
      const other = nodes.get(reference);
      if (node === undefined || other === undefined || other === node) continue;
      node.references.push(other);
      other.waitsFor += 1;
    }
  }
  return nodes;
}

/**
 * Groups paths by how much of the package set refers to them: what nearly everything needs is in nearly every image,
 * and what few need is in few.
 *
 * @param steps groups for each doubling of popularity
 */
export function groupByPopularity(popularity: PopularityCounts, steps: number): GroupOf {
  return ({ path }) =>
    BigInt(Math.floor(steps * Math.log2(1 + (popularity.get(storeName(path)) ?? 0))));
}
