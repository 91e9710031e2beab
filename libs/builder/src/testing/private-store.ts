import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Nix store of its own in a temporary folder, built in without a daemon. */
export interface PrivateStore {
  /** The folder that holds all of it; the caller may keep files of its own there. */
  readonly dir: string;
  /** Where the store paths are; also the prefix they are named by. */
  readonly storeDir: string;
  /** In which Nix uses this store; `settings` are added to nix.conf's. */
  environment(settings?: readonly string[]): NodeJS.ProcessEnv;
  /** Runs a Nix program; `settings` are added to nix.conf's. */
  nix(program: string, args: readonly string[], settings?: readonly string[]): Promise<NixOutput>;
  remove(): Promise<void>;
}

export interface NixOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const SETTINGS = ['build-users-group =', 'substitute = false'];

export async function createPrivateStore(): Promise<PrivateStore> {
  const dir = await mkdtemp(join(tmpdir(), 'nixery-store-'));
  const storeDir = join(dir, 'store');
  const base = {
    ...process.env,
    HOME: dir,
    NIX_STORE_DIR: storeDir,
    NIX_STATE_DIR: join(dir, 'var'),
    NIX_LOG_DIR: join(dir, 'log'),
    NIX_CONF_DIR: join(dir, 'etc'),
    NIX_REMOTE: 'local',
  };
  function environment(settings: readonly string[] = []): NodeJS.ProcessEnv {
    return { ...base, NIX_CONFIG: [...SETTINGS, ...settings].join('\n') };
  }
  return {
    dir,
    storeDir,
    environment,
    nix: (program, args, settings) => run(program, args, { env: environment(settings), cwd: dir }),
    remove: () => removeReadOnlyTree(dir),
  };
}

/** Folders in a Nix store cannot be written to, which `rm -rf` stumbles over for everyone but root. */
export async function removeReadOnlyTree(dir: string): Promise<void> {
  await makeWritable(dir);
  await rm(dir, { recursive: true, force: true });
}

async function makeWritable(dir: string): Promise<void> {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(dir, entry.name));
  }
}
