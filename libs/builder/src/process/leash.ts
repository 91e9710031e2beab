import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

let available: Promise<boolean> | undefined;

/** Whether util-linux's setpriv is here and can tie a child to its parent's life; asked once a thread. */
async function canLeash(): Promise<boolean> {
  available ??= promisify(execFile)('setpriv', ['--pdeathsig', 'SIGTERM', 'true']).then(
    () => true,
    () => false,
  );
  return await available;
}

/** What a process gets when the thread that started it dies. */
export type OrphanSignal = 'SIGTERM' | 'SIGKILL';

/**
 * The command line that runs `command` so that the kernel sends it a signal when the thread that started it dies: a
 * server killed with SIGKILL then leaves no Nix process behind. Where setpriv is missing, the command as it is.
 */
export async function leash(
  command: string,
  args: readonly string[],
  signal: OrphanSignal,
): Promise<readonly [string, ...string[]]> {
  return (await canLeash())
    ? ['setpriv', '--pdeathsig', signal, command, ...args]
    : [command, ...args];
}
