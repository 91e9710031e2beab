/** ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export function median(waits: readonly number[]): number {
  return quantile(waits, 0.5);
}

export function percentiles(waits: readonly number[]): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((q) => quantile(waits, q).toFixed(2));
  return `p50 ${p50}  p99 ${p99}  max ${max} ms`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

export function heading(text: string): void {
  console.log(`\n${text}`);
}

export function row(what: string, ...figures: readonly string[]): void {
  console.log(`  ${what.padEnd(48)} ${figures.join('   ')}`);
}

export function random(below: number): number {
  return Math.floor(Math.random() * below);
}

function quantile(waits: readonly number[], q: number): number {
  const sorted = waits.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
