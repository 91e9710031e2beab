import { parseDump, type StorePathInfo } from '@nixery/builder/layer';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CountError } from './errors.ts';

const execute = promisify(execFile);

/** All of nixpkgs' references take some 100 MB. */
const MAX_OUTPUT = 1024 * 1024 * 1024;

/** Store paths have 255 bytes at most: this keeps a command line well under the kernel's limit. */
const PATHS_PER_CALL = 2_000;

/**
 * Everything in the local store, or what some of it needs.
 *
 * @param roots store paths; none for the whole store
 * @throws CountError `nix`
 */
export async function readStore(
  roots: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly StorePathInfo[]> {
  async function nixStore(...args: readonly string[]): Promise<string> {
    try {
      const { stdout } = await execute('nix-store', args, { env, maxBuffer: MAX_OUTPUT });
      return stdout;
    } catch (cause) {
      throw new CountError('nix', `nix-store ${args[0]} failed`, { cause });
    }
  }
  // Without paths, --dump-db prints the whole store.
  if (roots.length === 0) return parseDump(await nixStore('--dump-db'));
  const paths = (await nixStore('--query', '--requisites', ...roots)).trim().split('\n');
  const infos: StorePathInfo[] = [];
  for (let i = 0; i < paths.length; i += PATHS_PER_CALL) {
    infos.push(...parseDump(await nixStore('--dump-db', ...paths.slice(i, i + PATHS_PER_CALL))));
  }
  return infos;
}
