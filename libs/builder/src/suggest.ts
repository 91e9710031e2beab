const SUGGESTIONS = 3;

/**
 * The names most like `wanted`, best first: those a few typing errors away, then those that begin with it. Case does not
 * count. Names that resemble it less are not given.
 */
export function suggest(wanted: string, names: readonly string[]): readonly string[] {
  const target = wanted.toLowerCase();
  const tolerance = Math.max(1, Math.floor(target.length / 3));
  const scored: { readonly name: string; readonly score: number }[] = [];
  for (const name of names) {
    const candidate = name.toLowerCase();
    const distance = editDistance(target, candidate, tolerance);
    if (distance <= tolerance) scored.push({ name, score: distance });
    else if (target.length >= 2 && candidate.startsWith(target)) {
      scored.push({ name, score: tolerance + candidate.length - target.length });
    }
  }
  scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return scored.slice(0, SUGGESTIONS).map(({ name }) => name);
}

/**
 * Optimal string alignment distance (Damerau-Levenshtein without repeated edits): insertions, deletions, substitutions
 * and swaps of neighbours. A distance above `limit` is given as `limit + 1`, as soon as it is known to be.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let smallest = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
      smallest = Math.min(smallest, cost);
    }
    if (smallest > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length] ?? 0, limit + 1);
}
