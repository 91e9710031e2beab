import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { promisify } from 'node:util';

import { updateLists } from '../apt-state.ts';
import { aptHelper } from '../apt.ts';
import { hostArchitecture } from '../architecture.ts';
import { hostTargets } from '../index-targets.ts';

const execute = promisify(execFile);

/** What a mirror may do to a file: other bytes, half of them, a connection that ends half-way, or a page about its trouble. */
export type Damage = 'other-bytes' | 'half' | 'cut' | 'page';

/** A mirror of the archives that this machine uses. */
export interface Mirror extends AsyncDisposable {
  /** Of an apt that knows this mirror alone. */
  readonly environment: NodeJS.ProcessEnv;
  /** Serves .debs of these packages damaged from now on, and no others. */
  damage(packages: Readonly<Record<string, Damage>>): void;
  /** Answers nothing but 503 from now on, or as usual again. */
  close(isClosed: boolean): void;
}

/** Starts a mirror on a free port of 127.0.0.1: it fetches whatever it is asked for, as apt would. */
export async function startMirror(): Promise<Mirror> {
  const folder = await mkdtemp(join(tmpdir(), 'offline-mirror-'));
  const targets = await hostTargets(env);
  const archives = [...new Set(targets.map(({ archiveUrl }) => archiveUrl))];
  let damaged: ReadonlyMap<string, Damage> = new Map();
  let isDown = false;

  async function respond(path: string, response: ServerResponse): Promise<void> {
    const [, archive = '', file = ''] = /^\/(\d+)\/(.*)$/.exec(path) ?? [];
    const bytes = isDown ? undefined : await fetched(`${archives[Number(archive)]}${file}`, folder);
    if (bytes === undefined) {
      response.writeHead(isDown ? 503 : 404).end();
      return;
    }
    const name = /([^/_]+)_[^/]*\.deb$/.exec(file)?.[1] ?? '';
    send(bytes, damaged.get(name), response);
  }

  const server = createServer((request, response) => {
    void respond(request.url ?? '/', response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  async function dispose(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  }
  try {
    const state = join(folder, 'apt');
    const mirrored = targets.map((target) => ({
      ...target,
      archiveUrl: `http://127.0.0.1:${port}/${archives.indexOf(target.archiveUrl)}/`,
    }));
    await updateLists(state, hostArchitecture(), mirrored, env);
    return {
      environment: { ...env, APT_CONFIG: join(state, 'apt.conf') },
      damage: (packages) => {
        damaged = new Map(Object.entries(packages));
      },
      close: (isClosed) => {
        isDown = isClosed;
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A file of an archive, with the proxies and credentials that apt has for it. */
async function fetched(url: string, folder: string): Promise<Buffer | undefined> {
  const directory = await mkdtemp(join(folder, 'file.'));
  try {
    await execute(aptHelper, ['download-file', url, join(directory, 'file')], {
      env: { ...env, APT_CONFIG: undefined },
    });
    return await readFile(join(directory, 'file'));
  } catch {
    return undefined;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function send(bytes: Buffer, damage: Damage | undefined, response: ServerResponse): void {
  const half = bytes.subarray(0, bytes.length / 2);
  switch (damage) {
    case 'other-bytes':
      response.end(Buffer.concat([half, Buffer.alloc(bytes.length - half.length)]));
      return;
    case 'half':
      response.end(half);
      return;
    case 'cut':
      response.writeHead(200, { 'Content-Length': bytes.length });
      response.write(half, () => response.destroy());
      return;
    case 'page':
      response.setHeader('Content-Type', 'text/html').end('<p>Bad gateway</p>\n');
      return;
    case undefined:
      response.end(bytes);
  }
}
