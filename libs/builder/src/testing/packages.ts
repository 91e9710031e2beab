import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Debian's busybox-static: it needs no libraries, so it can build inside a sandbox that holds nothing else. */
const BUSYBOX = '/bin/busybox';

export interface TestPackageOptions {
  /** Makes `slow<N>` and what else takes a salt new to every store: another salt, another build. */
  readonly salt?: string;
}

/**
 * Writes the test packages into `dir`, which is made if it is not there: `default.nix` and the busybox they are built
 * with. The folder needs nothing beside it, so it evaluates with only itself allowed, copied into a store, or
 * committed to a git repository.
 *
 * @returns `dir`
 * @throws a system error where the host has no `/bin/busybox` (Debian: busybox-static)
 */
export async function prepareTestPackages(
  dir: string,
  { salt }: TestPackageOptions = {},
): Promise<string> {
  const busybox = join(dir, 'busybox', 'busybox');
  await mkdir(join(dir, 'busybox'), { recursive: true });
  await copyFile(join(import.meta.dirname, 'packages', 'default.nix'), join(dir, 'default.nix'));
  await copyFile(BUSYBOX, busybox);
  await chmod(busybox, 0o755);
  if (salt !== undefined) await writeFile(join(dir, 'salt'), salt);
  return dir;
}
