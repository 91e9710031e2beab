/** Characters of the hash that a store path's base name begins with, and the dash after it. */
const HASH_PREFIX = 33;

/** `/nix/store/<hash>-<name>` without folder and hash: https://nix.dev/manual/nix/latest/store/store-path */
export function storeName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1 + HASH_PREFIX);
}

/** A locale's collation would give another order on another machine. */
export function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
