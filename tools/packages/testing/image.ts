import { execFile, spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getuid } from 'node:process';

import { closureOf } from './nix.ts';

/** In the form of fstab(5). */
const mountTable = 'mounts';

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
  /** User and group id; root by default. */
  readonly user?: number;
  /** Run on a terminal of this type, rather than on pipes. */
  readonly terminal?: string;
}

/** What an image's configuration sets. */
const imageEnvironment = { PATH: '/bin', SSL_CERT_FILE: '/etc/ssl/certs/ca-bundle.crt' };

/** Lays out an image of `packages` in a temporary directory. */
export async function layOutImage(packages: readonly string[]): Promise<Image> {
  const root = await mkdtemp(join(tmpdir(), 'offline-image-'));
  await chmod(root, 0o755);
  const mounts = await Promise.all(
    (await closureOf(packages)).map(async (path) => await mountPoint(path, root)),
  );
  for (const path of packages) await linkTree(path, root);
  // Scripts from everywhere begin with it, so the registry's images have it as well.
  if (await exists(join(root, 'bin/env'))) {
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await symlink('/bin/env', join(root, 'usr/bin/env'));
  }
  for (const name of ['dev', 'etc', 'proc', 'root', 'run', 'tmp'])
    await mkdir(join(root, name), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  );
  await writeFile(
    join(root, 'etc/group'),
    'root:x:0:\nuser:x:1000:\nnobody:x:65534:\nnogroup:x:65534:\n',
  );
  const table = [`/dev ${root}/dev none rbind`, `proc ${root}/proc proc`, ...mounts].join('\n');
  await writeFile(join(root, mountTable), `${table}\n`);
  return {
    root,
    run: async (argv, options) => await runInside(root, argv, options),
    [Symbol.asyncDispose]: async () => {
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

/** What to mount where for a store path of the closure; nothing else of the store is to be seen. */
async function mountPoint(path: string, root: string): Promise<string> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  await ((await lstat(path)).isDirectory() ? mkdir(target) : writeFile(target, ''));
  return `${path} ${target} none bind,ro`;
}

/**
 * In namespaces of its own, which needs no rights: file system (the mounts are there for this program only) and
 * processes (none survives). The network is the host's, for servers on loopback.
 */
async function runInside(
  root: string,
  argv: readonly string[],
  { stdin = '', environment = {}, terminal, user = 0 }: RunOptions = {},
): Promise<Outcome> {
  const variables = Object.entries({
    ...imageEnvironment,
    HOME: '/tmp',
    TERM: terminal ?? 'dumb',
    ...environment,
  });
  const script = 'mount --all --fstab "$0" && exec env -i "$@"';
  const command = [
    ...['unshare', ...namespaces(user)],
    ...['sh', '-c', script, join(root, mountTable)],
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...['/usr/sbin/chroot', ...userOfChroot(user), root, ...argv],
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
    // A program may end without reading what it was given.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}

/** Whether {@link Image.run} works here: whoever is not root needs user namespaces, which most containers do not allow. */
export function canRunImages(): boolean {
  const mount = ['mount', '-t', 'proc', 'proc', '/proc'];
  return spawnSync('unshare', [...namespaces(0), ...mount]).status === 0;
}

function namespaces(user: number): readonly string[] {
  return [...userNamespace(user), '--mount', '--pid', '--fork', '--kill-child'];
}

/** Root can be whom it likes; anyone else only in a user namespace. */
function userNamespace(user: number): readonly string[] {
  if (getuid?.() === 0) return [];
  return ['--user', `--map-user=${user}`, `--map-group=${user}`, '--keep-caps'];
}

/** In a user namespace the user is the right one already, and no group may be set. https://man7.org/linux/man-pages/man7/user_namespaces.7.html */
function userOfChroot(user: number): readonly string[] {
  return getuid?.() === 0 ? [`--userspec=${user}:${user}`] : [];
}

/** Debian's `script` gives a command a pseudo-terminal; it takes the command as shell text. */
function onTerminal(command: readonly string[]): readonly string[] {
  const text = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['script', '--quiet', '--return', '--command', text, '/dev/null'];
}
