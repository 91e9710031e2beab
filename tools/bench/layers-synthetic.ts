import type { StorePathInfo } from '@nixery/builder/layer';

function nameOf(i: number): string {
  return `/nix/store/${`${(i * 7919) % 1e6}`.padStart(32, '0')}-package-${i}`;
}

/**
 * A graph with about as many references a path as nixpkgs has, and sizes from bytes to tens of megabytes. Later paths
 * refer to earlier ones, mostly to the first few, as most of nixpkgs refers to glibc.
 *
 * @param roots paths that nothing refers to
 */
export function syntheticGraph(count: number, roots: number): readonly StorePathInfo[] {
  let state = 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const paths = Array.from({ length: count }, (_, i) => ({
    path: nameOf(i),
    narHash: `sha256:${'0'.repeat(64)}` as const,
    narSize: Math.floor(10 ** (2 + 5.5 * random())),
    references:
      i === 0 ? [] : Array.from({ length: 8 }, () => nameOf(Math.floor(i * random() ** 3))),
  }));
  const inner = count - roots;
  return paths.map((info, i) =>
    i < inner
      ? info
      : {
          ...info,
          references: paths
            .slice(0, inner)
            .filter((_, j) => j % roots === i - inner)
            .map(({ path }) => path),
        },
  );
}
