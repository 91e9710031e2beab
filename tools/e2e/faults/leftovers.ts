import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Command lines of processes that were started with this folder in their environment or among their arguments. */
export function processesOf(dir: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const commandLine = readProc(pid, 'cmdline');
      const isOurs = commandLine.includes(dir) || readProc(pid, 'environ').includes(dir);
      return isOurs && commandLine !== '' ? [commandLine.replaceAll('\0', ' ').trim()] : [];
    });
}

/** Files that a server has only while it works: unfinished ones, and garbage-collector roots of builds. */
export function temporaryFiles(dir: string): readonly string[] {
  const unfinished = ['storage/tmp', 'state/spool', 'state/roots'].flatMap((folder) =>
    readdirSync(path.join(dir, folder)).map((name) => path.join(folder, name)),
  );
  const git = path.join(dir, 'state/git');
  const checkouts = existsSync(git)
    ? readdirSync(git, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /^checkout-[^/]*$|\.lock$/.test(name),
      )
    : [];
  return [...unfinished, ...checkouts];
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(path.join('/proc', pid, file), 'utf8');
  } catch {
    // It has ended, or is another user's.
    return '';
  }
}
