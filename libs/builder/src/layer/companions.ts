import { storeName } from './store-name.ts';
import type { PopularityCounts, StorePathInfo } from './types.ts';

/** Paths with the same group travel together. */
export type GroupOf = (info: StorePathInfo) => bigint;

interface Node {
  readonly references: Node[];
  /** Nodes that refer to this one and have no place in the order yet. */
  waitsFor: number;
  /** A bit for each root that leads here. */
  roots: bigint;
  /** References in the longest way down. */
  height: number;
}

/**
 * A reference graph from top to bottom. References to paths outside of the graph count for nothing. A graph with a circle,
 * which no Nix store has, is taken as it is: circles, and what only they lead to, have no place in the order.
 */
export interface ReferenceOrder {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Paths that nothing else refers to: the packages asked for. */
  readonly roots: readonly Node[];
  /** Each before what it refers to. */
  readonly ordered: readonly Node[];
}

export function orderReferences(graph: readonly StorePathInfo[]): ReferenceOrder {
  const nodes = nodesOf(graph);
  const roots = [...nodes.values()].filter(({ waitsFor }) => waitsFor === 0);
  const ordered = [...roots];
  // Grows while it is gone through.
  for (const { references } of ordered) {
    for (const reference of references) {
      reference.waitsFor -= 1;
      if (reference.waitsFor === 0) ordered.push(reference);
    }
  }
  return { nodes, roots, ordered };
}

function nodesOf(graph: readonly StorePathInfo[]): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  for (const { path } of graph) {
    nodes.set(path, { references: [], waitsFor: 0, roots: 0n, height: 0 });
  }
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
 * Groups paths by what in the graph needs them: those that the same roots lead to come and go with those packages. A package
 * that shares nothing with the others changes none of their groups. What only a circle leads to is one group.
 */
export function groupByRoots({ nodes, roots, ordered }: ReferenceOrder): GroupOf {
  for (const [index, root] of roots.entries()) root.roots = 1n << BigInt(index);
  for (const node of ordered) {
    for (const reference of node.references) reference.roots |= node.roots;
  }
  return ({ path }) => nodes.get(path)?.roots ?? 0n;
}

/**
 * Groups paths by how high they stand on others: what refers to nothing is at the bottom, and the next group begins at
 * twice the height. A new version of a path brings new versions of what stands on it, and leaves what is below alone. Height follows
 * from a path's own references, so it is the same in every image. Circles count as the bottom.
 */
export function groupByHeight({ nodes, ordered }: ReferenceOrder): GroupOf {
  for (const node of ordered.toReversed()) {
    for (const { height } of node.references) node.height = Math.max(node.height, 1 + height);
  }
  return ({ path }) => BigInt(Math.floor(Math.log2(1 + (nodes.get(path)?.height ?? 0))));
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
