import { hash, randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { errnoOf } from './system-error.ts';

/**
 * Who writes a temporary file, as the beginning of its name: so that a server can tell at start which files a crash of
 * its predecessor has left, and which another live server is still writing.
 */
export type Writer = string;

const UNKNOWN: Writer = 'unknown';
const NAME = /^([0-9a-f]{16})-(\d+)-(\d+)-/;

/** This process, as a writer. Where the system does not tell enough (no Linux /proc), writers are unknown. */
export async function currentWriter(): Promise<Writer> {
  try {
    // Process ids mean something only within one boot and one process namespace: containers share folders, too.
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const namespace = await readlink('/proc/self/ns/pid');
    const host = hash('sha256', `${boot.trim()} ${namespace}`, 'hex').slice(0, 16);
    return `${host}-${process.pid}-${await startTime(process.pid)}`;
  } catch {
    return UNKNOWN;
  }
}

/** A fresh name for a temporary file of `writer`. */
export function temporaryName(writer: Writer): string {
  return `${writer}-${randomUUID()}`;
}

/** Whether the writer of the temporary file `name` has certainly ended. One of another host is not known to have. */
export async function hasWriterEnded(name: string, current: Writer): Promise<boolean> {
  const [, host, pid, started] = NAME.exec(name) ?? [];
  if (host === undefined || !current.startsWith(`${host}-`)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
  try {
    return (await startTime(Number(pid))) !== started;
  } catch {
    // Hidden from us (hidepid), or it ended just now: the next start will see.
    return false;
  }
}

/** When a process started, in clock ticks since boot: tells it from an earlier one with the same id (proc_pid_stat(5)). */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The command's name, in parentheses, may hold spaces and parentheses; fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] ?? '';
}
