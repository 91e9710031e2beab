import { execFile } from 'node:child_process';
import { env, getuid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { prepareOfflinePackages } from '../prepare.ts';

const execute = promisify(execFile);

/** The package set that `npm start` uses as well, so that neither has to be made twice. */
const sharedSet = fileURLToPath(new URL('../../../.nixery/packages', import.meta.url));

/** Environment for Nix: as root without a daemon it needs to be told that there are no build users. */
const nixEnvironment =
  env['NIX_CONFIG'] === undefined && getuid?.() === 0
    ? { ...env, NIX_CONFIG: 'build-users-group =' }
    : env;

/** The offline package set, made if it is not there. */
export async function preparedSet(): Promise<string> {
  const { dir } = await prepareOfflinePackages({ dir: sharedSet, log: () => undefined });
  return dir;
}

/** Runs a Nix program and gives what it printed. */
export async function nix(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, args, {
    env: nixEnvironment,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** Evaluates an expression the way the registry does: nothing but `set` can be read, and no network is used. */
export async function evaluate(set: string, expression: string): Promise<unknown> {
  const text = await nix(
    'nix-instantiate',
    ...['--eval', '--strict', '--json', '--read-write-mode'],
    ...['--option', 'restrict-eval', 'true', '--option', 'allow-import-from-derivation', 'false'],
    ...['-I', `nixery-packages=${set}`, '--expr', expression],
  );
  return JSON.parse(text);
}

/** Builds attributes of the set; their store paths, in order. */
export async function build(
  set: string,
  attributes: readonly string[],
  {
    system = 'x86_64-linux',
    options = [],
  }: { readonly system?: string; readonly options?: readonly string[] } = {},
): Promise<readonly string[]> {
  const expression = `with import ${set} { system = "${system}"; }; [ ${attributes.join(' ')} ]`;
  const text = await nix('nix-build', '--no-out-link', '--quiet', ...options, '--expr', expression);
  return text.trim().split('\n');
}

/** All store paths that `paths` refer to, themselves included. */
export async function closureOf(paths: readonly string[]): Promise<readonly string[]> {
  return (await nix('nix-store', '--query', '--requisites', ...paths)).trim().split('\n');
}
