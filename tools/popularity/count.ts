import { byCodeUnit, storeName, type StorePathInfo } from '@nixery/builder/layer';

/** A store path and what it refers to. */
type References = Pick<StorePathInfo, 'path' | 'references'>;

/**
 * How many store paths refer to one of each name, in the order of the names. A path's reference to itself does not
 * count; a name that nothing refers to is not listed.
 */
export function countReferences(graph: Iterable<References>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { path, references } of graph) {
    for (const other of new Set(references)) {
      if (other === path) continue;
      const name = storeName(other);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return new Map([...counts].sort(([a], [b]) => byCodeUnit(a, b)));
}
