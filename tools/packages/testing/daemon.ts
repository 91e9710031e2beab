import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Namespace } from '../../e2e/clients/namespace.ts';

const setUp = fileURLToPath(new URL('daemon.sh', import.meta.url));

/** A Nix daemon with build users and an empty store, which is `/nix` to it and to whom it serves, and to nobody else. */
export interface NixDaemon extends AsyncDisposable {
  /** For files that those whom it serves may read. */
  readonly dir: string;
  /** Runs a Nix program as somebody who may use the daemon, and no more; gives what it printed. */
  readonly nix: (program: string, ...args: readonly string[]) => Promise<string>;
  /** The same as root, whom the daemon trusts. */
  readonly nixAsRoot: (program: string, ...args: readonly string[]) => Promise<string>;
}

/** Starts a daemon the way Debian sets it up. Needs root, for mounts. */
export async function startNixDaemon(): Promise<NixDaemon> {
  const dir = await mkdtemp(join(tmpdir(), 'offline-daemon-'));
  await chmod(dir, 0o711);
  const namespace = await Namespace.create(dir);
  async function dispose(): Promise<void> {
    await namespace.stop();
    await rm(dir, { recursive: true, force: true });
  }
  async function run(argv: readonly string[]): Promise<string> {
    return (await namespace.mustRun(argv)).stdout;
  }
  const client = ['setpriv', '--reuid=nix-client', '--regid=nix-client', '--init-groups', '--'];
  try {
    await run(['bash', setUp, dir]);
    await namespace.startDaemon(
      ['nix-daemon', '--daemon'],
      [...client, 'nix-store', '--store', 'daemon', '--query', '--requisites'],
    );
  } catch (error) {
    await dispose();
    throw error;
  }
  const variables = ['env', 'NIX_REMOTE=daemon', 'HOME=/run/nix-client'];
  return {
    dir,
    nix: async (program, ...args) => await run([...client, ...variables, program, ...args]),
    nixAsRoot: async (program, ...args) =>
      await run(['env', 'NIX_REMOTE=daemon', program, ...args]),
    [Symbol.asyncDispose]: dispose,
  };
}
