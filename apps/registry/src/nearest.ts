/** The one of `candidates` with the most letters in common with `word`, in order. */
export function nearest(word: string, candidates: readonly string[]): string {
  let best = '';
  let bestScore = -Infinity;
  for (const candidate of candidates) {
    const score = 2 * commonLength(word, candidate) - candidate.length;
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** Length of the longest common subsequence. */
function commonLength(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const letter of a) {
    const next = [0];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        letter === b[j - 1] ? (row[j - 1] ?? 0) + 1 : Math.max(row[j] ?? 0, next[j - 1] ?? 0),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
