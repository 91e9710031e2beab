import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { closureOf } from './nix.ts';

const execute = promisify(execFile);

/** What a program did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A file tree like that of an image: a closure, and links to the packages' files at the root. */
export interface Image extends AsyncDisposable {
  readonly root: string;
  /** Runs a program with the tree as its root directory; `/` is all it can see. */
  run(argv: readonly string[], options?: RunOptions): Promise<Outcome>;
}

/** What {@link Image.run} is told. */
export interface RunOptions {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Run on a terminal of this type, rather than on pipes. */
  readonly terminal?: string;
}

/** What an image's configuration sets. */
const imageEnvironment = { PATH: '/bin', SSL_CERT_FILE: '/etc/ssl/certs/ca-bundle.crt' };

/** Lays out an image of `packages` in a temporary directory. */
export async function layOutImage(packages: readonly string[]): Promise<Image> {
  const root = await mkdtemp(join(tmpdir(), 'offline-image-'));
  await mkdir(join(root, 'nix/store'), { recursive: true });
  await execute('cp', ['--archive', ...(await closureOf(packages)), join(root, 'nix/store')]);
  for (const path of packages) await linkTree(path, root);
  for (const name of ['dev', 'etc', 'proc', 'root', 'tmp'])
    await mkdir(join(root, name), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
  return {
    root,
    run: async (argv, options) => await runInside(root, argv, options),
    [Symbol.asyncDispose]: async () => {
      await makeWritable(root);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function linkTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      await mkdir(target, { recursive: true });
      await linkTree(source, target);
    } else if (!(await exists(target))) {
      await symlink(source, target);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Nix takes write permission away from directories, without which only root can remove what is in them. */
async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}

/**
 * In namespaces of its own, which needs no rights: file system (`/dev` and `/proc` are there for this program only) and
 * processes (none survives). The network is the host's, for servers on loopback.
 */
async function runInside(
  root: string,
  argv: readonly string[],
  { stdin = '', environment = {}, terminal }: RunOptions = {},
): Promise<Outcome> {
  const variables = Object.entries({
    ...imageEnvironment,
    HOME: '/tmp',
    TERM: terminal ?? 'dumb',
    ...environment,
  });
  const script = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec env -i "$@"';
  const command = [
    ...['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child'],
    ...['sh', '-c', script, root],
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...['/usr/sbin/chroot', root, ...argv],
  ];
  const [program = '', ...args] = terminal === undefined ? command : onTerminal(command);
  return await new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : -1;
        resolve({ code: error === null ? 0 : code, stdout, stderr });
      },
    );
    child.stdin?.end(stdin);
  });
}

/** Debian's `script` gives a command a pseudo-terminal; it takes the command as shell text. */
function onTerminal(command: readonly string[]): readonly string[] {
  const text = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['script', '--quiet', '--return', '--command', text, '/dev/null'];
}
