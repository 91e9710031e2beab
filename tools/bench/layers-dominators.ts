import type { StorePathInfo } from '@nixery/builder/layer';

/**
 * The dominator tree of a reference graph below a root that leads to what nothing refers to, and to what `extra` names.
 *
 * By Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": https://hdl.handle.net/1911/96345
 */
export function dominators(
  graph: readonly StorePathInfo[],
  extra: (info: StorePathInfo) => boolean,
): { readonly childOfRoot: (info: StorePathInfo) => number } {
  const byPath = new Map(graph.map((info) => [info.path, info]));
  const referrers = new Map<string, string[]>(graph.map(({ path }) => [path, []]));
  for (const { path, references } of graph) {
    for (const other of references) if (other !== path) referrers.get(other)?.push(path);
  }
  const topLevel = graph.filter(
    (info) => extra(info) || (referrers.get(info.path)?.length ?? 0) === 0,
  );
  const order = postorder(byPath, topLevel);
  const numbers = new Map(order.map((path, number) => [path, number]));
  const root = order.length;
  const belowRoot = new Set(topLevel.map(({ path }) => path));

  const dominator: (number | undefined)[] = Array.from({ length: root });
  dominator.push(root);
  for (let changed = true; changed;) {
    changed = false;
    for (let number = root - 1; number >= 0; number -= 1) {
      const path = order[number] ?? '';
      const above = (referrers.get(path) ?? []).map((other) => numbers.get(other) ?? root);
      const known = (belowRoot.has(path) ? [root, ...above] : above).filter(
        (other) => dominator[other] !== undefined,
      );
      const nearest = known.reduce((a, b) => intersect(dominator, a, b));
      changed ||= dominator[number] !== nearest;
      dominator[number] = nearest;
    }
  }
  return {
    childOfRoot: ({ path }) => {
      let number = numbers.get(path) ?? root;
      while (dominator[number] !== root) number = dominator[number] ?? root;
      return number;
    },
  };
}

function postorder(
  byPath: ReadonlyMap<string, StorePathInfo>,
  topLevel: readonly StorePathInfo[],
): readonly string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = ({ path, references }: StorePathInfo): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const other of references) {
      const info = byPath.get(other);
      if (info !== undefined) visit(info);
    }
    order.push(path);
  };
  topLevel.forEach(visit);
  return order;
}

function intersect(dominator: readonly (number | undefined)[], a: number, b: number): number {
  while (a !== b) {
    while (a < b) a = dominator[a] ?? b;
    while (b < a) b = dominator[b] ?? a;
  }
  return a;
}
