/** The two servers that are compared, each a process of its own, which logs to a file as it would for an operator. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const START_MS = 60_000;
const ENTRY = fileURLToPath(new URL('../../apps/registry/dist/main.js', import.meta.url));
const listeningSchema = z.object({ msg: z.literal('listening'), port: z.int().positive() });

export interface BenchServer {
  /** Host and port. */
  readonly host: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * The built registry, with the settings it has when nobody sets any.
 *
 * @param nodeOptions for instance `--cpu-prof`
 */
export async function startNixery(
  folder: string,
  env: NodeJS.ProcessEnv,
  nodeOptions: readonly string[] = [],
): Promise<BenchServer> {
  const log = join(folder, 'nixery.log');
  const places = { STORAGE_PATH: join(folder, 'storage'), NIXERY_STATE_DIR: join(folder, 'state') };
  const settings = {
    ...env,
    ...places,
    NIXERY_HOST: '127.0.0.1',
    NIXERY_PKGS_PATH: join(folder, 'packages'),
    NIXERY_LOG_FORMAT: 'json',
    PORT: '0',
  };
  return await runServer([process.execPath, ...nodeOptions, ENTRY], log, settings, async () => {
    const port = listeningPort(await readFile(log, 'utf8'));
    return port === undefined ? undefined : `127.0.0.1:${port}`;
  });
}

/** Where docker-registry keeps what it has. */
export function dockerRegistryData(folder: string): string {
  return join(folder, 'docker-registry/data');
}

/**
 * Debian's docker-registry as its package configures it, without the passwords.
 * {@link https://distribution.github.io/distribution/about/configuration/}
 *
 * @param options `accessLog`: a line a request, as Nixery writes
 */
export async function startDockerRegistry(
  folder: string,
  options: { readonly accessLog: boolean },
): Promise<BenchServer> {
  const host = `127.0.0.1:${await freePort()}`;
  const root = join(folder, 'docker-registry');
  await mkdir(root, { recursive: true });
  const config = join(root, 'config.yml');
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: {
        accesslog: { disabled: !options.accessLog },
        level: options.accessLog ? 'info' : 'error',
        fields: { service: 'registry' },
      },
      storage: {
        cache: { blobdescriptor: 'inmemory' },
        filesystem: { rootdirectory: dockerRegistryData(folder) },
        delete: { enabled: true },
      },
      http: { addr: host, headers: { 'X-Content-Type-Options': ['nosniff'] } },
    }),
  );
  const command = ['docker-registry', 'serve', config];
  return await runServer(command, join(root, 'log'), process.env, async () => {
    const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
    return response?.ok === true ? host : undefined;
  });
}

/**
 * Starts a server whose output goes to the file `log`.
 *
 * @param ready asked again and again: where it listens, once it does
 */
export async function runServer(
  [program = '', ...args]: readonly string[],
  log: string,
  env: NodeJS.ProcessEnv,
  ready: () => Promise<string | undefined>,
): Promise<BenchServer> {
  const file = openSync(log, 'w');
  const child = spawn(program, args, { env, stdio: ['ignore', file, file] });
  closeSync(file);
  async function stop(): Promise<void> {
    if (hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
  const deadline = performance.now() + START_MS;
  for (;;) {
    const host = await ready();
    if (host !== undefined) return { host, pid: child.pid ?? 0, stop };
    if (hasEnded(child) || performance.now() > deadline) {
      await stop();
      throw new Error(`${program} did not start:\n${await readFile(log, 'utf8')}`);
    }
    await sleep(20);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function listeningPort(log: string): number | undefined {
  // The last piece may be half a line yet.
  const lines = log.split('\n').slice(0, -1);
  for (const line of lines.filter((text) => text.startsWith('{'))) {
    const parsed = listeningSchema.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data.port;
  }
  return undefined;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}
