import { parseDump, type StorePathInfo } from '@nixery/builder/layer';
import { nixEnvironment } from '@nixery/builder/testing';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prepareOfflinePackages } from '../packages/prepare.ts';
import { allAttributes } from '../packages/testing/attributes.ts';

const execute = promisify(execFile);

/** The package set that `npm start` uses as well. */
const SHARED_SET = fileURLToPath(new URL('../../.nixery/packages', import.meta.url));

/** All of the offline package set, built. */
export interface OfflineSet {
  /** Store path by attribute. */
  readonly packages: ReadonlyMap<string, string>;
  /** Everything that the packages need. */
  readonly graph: readonly StorePathInfo[];
}

/** Builds the offline package set where it is not built yet, which takes apt, Nix and some minutes. */
export async function buildOfflineSet(): Promise<OfflineSet> {
  const { dir } = await prepareOfflinePackages({ dir: SHARED_SET, log: console.error });
  const expression = `with import ${dir} { }; [ ${allAttributes.join(' ')} ]`;
  const built = await lines('nix-build', '--no-out-link', '--quiet', '--expr', expression);
  const paths = await lines('nix-store', '--query', '--requisites', ...built);
  const dump = await nix('nix-store', '--dump-db', ...paths);
  return {
    packages: new Map(allAttributes.map((attribute, i) => [attribute, built[i] ?? ''])),
    graph: parseDump(dump),
  };
}

async function lines(program: string, ...args: readonly string[]): Promise<readonly string[]> {
  return (await nix(program, ...args)).trim().split('\n');
}

async function nix(program: string, ...args: readonly string[]): Promise<string> {
  const options = { env: nixEnvironment(), maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await execute(program, args, options);
  return stdout;
}

/** The paths that `roots` need, themselves included. */
export function closureOf(
  graph: ReadonlyMap<string, StorePathInfo>,
  roots: readonly string[],
): readonly StorePathInfo[] {
  const found = new Map<string, StorePathInfo>();
  const pending = [...roots];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const info = graph.get(path);
    if (info === undefined || found.has(path)) continue;
    found.set(path, info);
    pending.push(...info.references);
  }
  return [...found.values()];
}
