import type { Archive, BinaryPackage } from './control.ts';

/** A dependency closure: the packages it holds and whom each one depends on. */
export interface Closure {
  readonly packages: ReadonlyMap<string, BinaryPackage>;
  /** Names only what `packages` holds, sorted; never the package itself. */
  readonly depends: ReadonlyMap<string, readonly string[]>;
  /** Roots that the archive does not have. */
  readonly missing: readonly string[];
}

/** Packages that depend on each other in a circle, and so can only be one store path; mostly a single one. */
export interface Unit {
  /** The first of `members`. */
  readonly name: string;
  /** Sorted. */
  readonly members: readonly string[];
  /** Names of other units, sorted. */
  readonly depends: readonly string[];
}

/**
 * Resolves what `roots` need. Every package gets a store path of its own, so, unlike apt's resolver, this one need not
 * care about conflicts: of several alternatives it takes the first that exists.
 *
 * @param ignored packages that only serve dpkg's installation and are left out as dependencies
 */
export function resolveClosure(
  archive: Archive,
  roots: readonly string[],
  ignored: ReadonlySet<string>,
): Closure {
  const packages = new Map<string, BinaryPackage>();
  const depends = new Map<string, readonly string[]>();
  const missing: string[] = [];
  const queue: BinaryPackage[] = [];

  function add(name: string): boolean {
    if (packages.has(name)) return true;
    const found = archive.find(name);
    if (found === undefined) return false;
    packages.set(name, found);
    queue.push(found);
    return true;
  }

  for (const root of [...new Set(roots)].sort()) if (!add(root)) missing.push(root);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const chosen = new Set<string>();
    for (const alternatives of next.depends) {
      if (alternatives.some((name) => ignored.has(name))) continue;
      const name = choose(archive, alternatives);
      if (name === undefined || name === next.name || ignored.has(name)) continue;
      add(name);
      chosen.add(name);
    }
    depends.set(next.name, [...chosen].sort());
  }
  return { packages, depends, missing };
}

function choose(archive: Archive, alternatives: readonly string[]): string | undefined {
  for (const name of alternatives) {
    if (archive.find(name) !== undefined) return name;
    const [provider] = archive.providers(name);
    if (provider !== undefined) return provider;
  }
  return undefined;
}

/** Collapses a graph's cycles: its strongly connected components, dependencies first (Tarjan 1972). */
export function findUnits(depends: ReadonlyMap<string, readonly string[]>): readonly Unit[] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const unitOf = new Map<string, string>();
  const units: Unit[] = [];

  function visit(node: string): number {
    const index = order.size;
    order.set(node, index);
    let lowest = index;
    stack.push(node);
    for (const next of depends.get(node) ?? []) {
      if (unitOf.has(next)) continue;
      const seen = order.get(next);
      lowest = Math.min(lowest, seen ?? visit(next));
    }
    if (lowest === index) close(node);
    return lowest;
  }

  function close(node: string): void {
    const members = stack.splice(stack.indexOf(node)).sort();
    const [name = node] = members;
    for (const member of members) unitOf.set(member, name);
    const others = members.flatMap((member) =>
      (depends.get(member) ?? []).map((next) => unitOf.get(next) ?? next),
    );
    units.push({
      name,
      members,
      depends: [...new Set(others)].filter((other) => other !== name).sort(),
    });
  }

  for (const node of [...depends.keys()].sort()) if (!order.has(node)) visit(node);
  return units;
}

/** Names of every unit reachable from `start`, nearest first. */
export function reachableUnits(
  units: ReadonlyMap<string, Unit>,
  start: readonly string[],
): readonly string[] {
  const reached = new Set(start);
  for (const name of reached) for (const next of units.get(name)?.depends ?? []) reached.add(next);
  return [...reached];
}
