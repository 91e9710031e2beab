import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { OfflinePackagesError } from './errors.ts';

const execute = promisify(execFile);

/** A decompressed `Packages` file is 50 MB. */
const maxOutputBytes = 512 * 1024 * 1024;

/** For one program (ms). apt gives up on mirrors by itself, but waits for ever for what it cannot write to a full disk. */
const DEADLINE_MS = 5 * 60 * 1000;

/** Where apt keeps its program for single files and its decompressor. */
export const aptHelper = '/usr/lib/apt/apt-helper';

/** The directory in which the host's apt keeps its lists. */
export async function listsDirectory(environment: NodeJS.ProcessEnv): Promise<string> {
  const text = await runApt(
    'apt-config',
    ['shell', 'DIRECTORY', 'Dir::State::lists/d'],
    environment,
  );
  return /^DIRECTORY='(.*)'$/m.exec(text)?.[1] ?? '/var/lib/apt/lists/';
}

/**
 * Runs a program of apt's or dpkg's and gives what it printed. Throws `apt-missing`, and `apt-failed` with its complaint.
 *
 * @param deadlineMs after which it is ended
 */
export async function runApt(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  deadlineMs = DEADLINE_MS,
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      env: { ...environment, LC_ALL: 'C.UTF-8' },
      maxBuffer: maxOutputBytes,
      timeout: deadlineMs,
    });
    return stdout;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new OfflinePackagesError(
        'apt-missing',
        `${program} is not on this machine: the offline package set is made of Debian's packages. Configure another package source.`,
        { cause },
      );
    }
    throw new OfflinePackagesError(
      'apt-failed',
      `${program} ${args[0] ?? ''} failed: ${complaint(cause, deadlineMs)}`,
      { cause },
    );
  }
}

/** Errors alone, where there are any: warnings come first, and are about something else. */
function complaint(cause: unknown, deadlineMs: number): string {
  if (cause instanceof Error && 'killed' in cause && cause.killed === true)
    return `it took longer than ${deadlineMs / 1000} s. Is there room on the disk?`;
  if (!(cause instanceof Error && 'stderr' in cause)) return String(cause);
  const lines = String(cause.stderr).trim().split('\n');
  const errors = lines.filter((line) => !line.startsWith('W: '));
  return (errors.length > 0 ? errors : lines).join('\n');
}
