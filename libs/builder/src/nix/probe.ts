import { statfs } from 'node:fs/promises';

import { realisationEnvironment } from '../process/environment.ts';
import { run } from '../process/run.ts';

const DEADLINE_MS = 10_000;

const STORE_DIR = '/nix/store';

/** A store path that no store has: Nix has to open its store to say so. */
const NO_PATH = '00000000000000000000000000000000-none';

/** Below this Nix itself puts failures down to the disk (bytes). */
const ENOUGH_BYTES = 8 * 1024 * 1024;

/** Only a warning as long as nothing is to be built. */
const NO_BUILD_USERS = /the group '([^']+)' specified in 'build-users-group' does not exist/;

/**
 * Asks Nix for something small that takes its store: what is wrong when it does not answer, in a sentence; null when all is well.
 */
export async function nixProblem(env: NodeJS.ProcessEnv): Promise<string | null> {
  const storeDir = env['NIX_STORE_DIR'] ?? STORE_DIR;
  // First: of a full disk Nix says this or that, by what it was about to write.
  if (await isFull(storeDir)) return `the disk of the Nix store, ${storeDir}, is full`;
  try {
    const result = await run({
      command: 'nix-store',
      args: ['--check-validity', '--print-invalid', `${storeDir}/${NO_PATH}`],
      env: realisationEnvironment(env),
      deadlineMs: DEADLINE_MS,
    });
    const group = NO_BUILD_USERS.exec(result.stderr)?.[1];
    if (group !== undefined) {
      return (
        `Nix, run by root, would build as users of the group '${group}', which does not exist: ` +
        'put "build-users-group =" into /etc/nix/nix.conf to build as root, or make the group and its users'
      );
    }
    if (result.outcome === 'exited' && result.code === 0) return null;
    if (result.outcome === 'deadline') return `Nix gave no answer in ${DEADLINE_MS / 1000} s`;
    return `Nix cannot use its store: ${result.stderr.trim().split('\n').at(-1) ?? ''}`;
  } catch (error) {
    return `Nix cannot be started: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Some file systems count no inodes, and a store that another machine has is not looked at. */
async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize, ffree, files } = await statfs(folder);
    return bavail * bsize < ENOUGH_BYTES || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}
