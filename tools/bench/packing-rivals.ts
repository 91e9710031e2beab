import { nixEnvironment } from '@nixery/builder/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What a shell does about the same paths. */
export interface Rival {
  readonly name: string;
  /** The program that it takes, and the Debian package of that. */
  readonly program: string;
  /** For `sh -c`: paths come one a line on standard input; the working folder is for what it writes. */
  readonly script: string;
}

const TAR = 'tar --create --verbatim-files-from --files-from=- --directory=/ 2>tar.log';

export const RIVALS = {
  gzip: { name: 'tar | gzip -6', program: 'gzip', script: `${TAR} | gzip -6 > out` },
  pigz: { name: 'tar | pigz -3 -p 2', program: 'pigz', script: `${TAR} | pigz -3 -p 2 > out` },
  /** A layer for each path, as a script would make it. */
  loop: {
    name: 'nix-store -qR, tar | gzip a path',
    program: 'gzip',
    script:
      'i=0; while read -r path; do i=$((i + 1)); nix-store -qR "$path" > closure; tar --create "$path" 2>tar.log | gzip > "out-$i"; done',
  },
} satisfies Record<string, Rival>;

export async function isInstalled({ program }: Rival): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

export async function race(
  { name, script }: Rival,
  paths: readonly string[],
): Promise<{ readonly wallMs: number; readonly cpuMs: number; readonly bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'nixery-bench-rival-'));
  try {
    const began = performance.now();
    const shell = spawn('sh', ['-c', `${script}\ntimes > times`], {
      cwd: folder,
      env: nixEnvironment(),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    shell.stdin.end(paths.map((path) => `${path}\n`).join(''));
    const [code] = await once(shell, 'exit');
    const wallMs = performance.now() - began;
    if (code !== 0) throw new Error(`${name}: exit code ${code}`);
    const outputs = (await readdir(folder)).filter((file) => file.startsWith('out'));
    const sizes = await Promise.all(
      outputs.map(async (file) => (await stat(join(folder, file))).size),
    );
    const cpuMs = parseTimes(await readFile(join(folder, 'times'), 'utf8'));
    return { wallMs, cpuMs, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Of the shell's children, user and system: the second line, such as `1m2.50s 0m0.25s`. */
function parseTimes(text: string): number {
  const [, children = ''] = text.split('\n');
  const seconds = Array.from(
    children.matchAll(/(\d+)m([\d.]+)s/g),
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1000;
}
