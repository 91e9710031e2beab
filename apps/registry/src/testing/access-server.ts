import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nixEnvironment, prepareTestPackages } from '@nixery/builder/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../config.ts';
import { type RunningServer, startServer } from '../server.ts';
import { testSettings } from './settings.ts';

/** Passwords: s3cret-pass and hunter2-örtchen. Made by libxcrypt. */
export const HTPASSWD = `alice:$2y$05$abcdefghijklmnopqrstuuV7fpPozvyqJfnY19y0802WTlXUm6Rjy
bob:$2b$06$ZZcdefghijklmnopqrstuua8bkbsiNJ641uyMbPYaNI2sVO4zh2Ra
`;
/** Of the user `ci`. */
export const TOKEN = 'ci-token-0123456789';
export const bearer = { Authorization: `Bearer ${TOKEN}` };
export const patient = { timeout: 60_000, interval: 20 };

export function basic(user: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

const errorSchema = z.object({
  errors: z.tuple([z.object({ code: z.string(), message: z.string() })]),
});

export const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});

/** The one error in an answer. */
export async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  return errorSchema.parse(await response.json()).errors[0];
}

/** A server with files that say who may do what. */
export interface AccessServer {
  /** Below which all is its own: `htpasswd` and `tokens`, for settings to name, among it. */
  readonly dir: string;
  /** What it has logged since it was started. */
  readonly log: string;
  readonly port: number | undefined;
  start(env: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
  /** Writes the file of lists of packages. */
  policy(lists: object): Promise<string>;
}

/** For all tests of a file, which each start the server as they want it; it is stopped after each. */
export function useAccessServer(): AccessServer {
  let dir = '';
  let log = '';
  let server: RunningServer | undefined;

  async function stop(): Promise<void> {
    await server?.stop();
    server = undefined;
  }
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nixery-access-'));
    await prepareTestPackages(join(dir, 'packages'), { salt: randomUUID() });
    Object.assign(process.env, nixEnvironment());
    await writeFile(join(dir, 'htpasswd'), HTPASSWD);
    await writeFile(join(dir, 'tokens'), `ci:${TOKEN}\n`);
  });
  afterEach(stop);
  afterAll(() => rm(dir, { recursive: true }));

  return {
    get dir() {
      return dir;
    },
    get log() {
      return log;
    },
    get port() {
      return server?.port;
    },
    async start(env) {
      const { config } = readConfig({ ...testSettings(dir), ...env });
      log = '';
      const logger = pino({}, { write: (line: string) => void (log += line) });
      server = await startServer(config, logger, { fileIntervalMs: 10 });
    },
    stop,
    ask: (path, headers = {}, method = 'GET') =>
      fetch(`http://127.0.0.1:${server?.port}${path}`, { headers, method }),
    async policy(lists) {
      const file = join(dir, 'policy.json');
      await writeFile(file, JSON.stringify(lists));
      return file;
    },
  };
}
