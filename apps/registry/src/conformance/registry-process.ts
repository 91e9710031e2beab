import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { createPackageRepository, nixEnvironment } from '@nixery/builder/testing';
import { z } from 'zod';

const ENTRY = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const listening = z.object({ msg: z.literal('listening'), port: z.int().positive() });

/** The built registry in a process of its own, over a git repository of the test packages. */
export interface RegistryProcess {
  readonly port: number;
  /** A temporary folder; the storage is `storage` in it. */
  readonly dir: string;
  /** Ends it and removes its folder. @returns its exit code; null after a signal */
  stop(): Promise<number | null>;
}

/**
 * @param tags that the repository has
 * @throws Error when it ends before it listens
 */
export async function startRegistryProcess(
  tags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RegistryProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'nixery-conformance-'));
  const packages = await createPackageRepository(join(dir, 'packages'));
  await packages.commit(randomUUID());
  for (const tag of tags) packages.git('tag', tag);
  const child = spawn('setpriv', ['--pdeathsig', 'SIGTERM', '--', process.execPath, ENTRY], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      NIX_CONFIG: nixEnvironment()['NIX_CONFIG'],
      NIX_REMOTE: process.env['NIX_REMOTE'],
      HOME: dir,
      PORT: '0',
      NIXERY_HOST: '127.0.0.1',
      NIXERY_PKGS_REPO: packages.url,
      STORAGE_PATH: join(dir, 'storage'),
      NIXERY_STATE_DIR: join(dir, 'state'),
      ...env,
    },
  });
  const exited = once(child, 'exit');
  async function stop(): Promise<number | null> {
    child.kill('SIGTERM');
    await exited;
    await rm(dir, { recursive: true });
    return child.exitCode;
  }
  const port = await portOf(child);
  if (port !== undefined) return { port, dir, stop };
  await stop();
  throw new Error('the registry ended before it listened; is it built (npx nx build registry)?');
}

/** @returns undefined where it ends first */
async function portOf({ stdout }: ChildProcess): Promise<number | undefined> {
  if (stdout === null) return undefined;
  const lines = createInterface({ input: stdout });
  const port = await new Promise<number | undefined>((resolve) => {
    lines.on('line', (line) => {
      const parsed = listening.safeParse(line.startsWith('{') ? JSON.parse(line) : undefined);
      if (parsed.success) resolve(parsed.data.port);
    });
    lines.once('close', () => resolve(undefined));
  });
  // A full pipe would stop it.
  stdout.resume();
  return port;
}
