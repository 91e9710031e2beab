import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nixEnvironment } from '@nixery/builder/testing';
import { z } from 'zod';
import { ServerProcess } from './process.ts';

/** The built server's program. */
export const registryEntry = fileURLToPath(
  new URL('../../apps/registry/dist/main.js', import.meta.url),
);
const startDeadlineMs = 120_000;

/** The line the server logs once it listens. */
const Listening = z.object({
  msg: z.literal('listening'),
  host: z.string(),
  port: z.int().positive(),
});

export interface RegistryServer {
  /** Host and port, as in image references. */
  readonly host: string;
  readonly url: string;
  readonly pid: number | undefined;
  /** All that it has printed so far. */
  logs(): string;
  /** Ends it as a supervisor does; gives the exit code, null where it had to be killed. */
  stop(): Promise<number | null>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Sends it a signal that it lives through. */
  signal(name: NodeJS.Signals): void;
}

/**
 * Starts the built registry on a free port of 127.0.0.1 and waits until it answers.
 *
 * @param dir a temporary folder: storage and state go below it, and it becomes HOME
 * @param env is added to the defaults; undefined removes a variable
 * @param command the server, where it is not the one of this workspace
 * @throws Error with the server's output when it ends, or does not answer within a minute
 */
export async function startRegistry(
  dir: string,
  env: Readonly<Record<string, string | undefined>> = {},
  command: readonly string[] = [process.execPath, registryEntry],
): Promise<RegistryServer> {
  const home = path.join(dir, 'home');
  await mkdir(home, { recursive: true });
  const server = new ServerProcess(command, {
    PATH: process.env['PATH'],
    NIX_CONFIG: nixEnvironment()['NIX_CONFIG'],
    NIX_REMOTE: process.env['NIX_REMOTE'],
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    HOME: home,
    LANG: 'C.UTF-8',
    PORT: '0',
    NIXERY_HOST: '127.0.0.1',
    NIXERY_STORAGE_BACKEND: 'filesystem',
    // Tests of it turn it on; to others it is Nix processes that they do not expect.
    NIXERY_SEARCH: 'off',
    STORAGE_PATH: path.join(dir, 'storage'),
    NIXERY_STATE_DIR: path.join(dir, 'state'),
    ...env,
  });
  try {
    const { host, port } = await server.until(
      async () => listening(server.stdout),
      startDeadlineMs,
    );
    const url = `http://${host}:${port}`;
    await server.until(async () => ((await isHealthy(url)) ? true : undefined), startDeadlineMs);
    return {
      host: `${host}:${port}`,
      url,
      pid: server.pid,
      logs: () => server.output,
      stop: () => server.stop(),
      kill: () => server.kill(),
      signal: (name) => server.signal(name),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Its address, among lines that may be anything. */
function listening(stdout: string): z.infer<typeof Listening> | undefined {
  // The last piece may be half a line yet.
  for (const line of stdout.split('\n').slice(0, -1)) {
    if (!line.startsWith('{')) continue;
    const parsed = Listening.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data;
  }
  return undefined;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
