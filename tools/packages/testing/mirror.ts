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

/** What a mirror may send for a file: other bytes, half of them, and the end of the connection, a page about its trouble, or nothing. */
export type Damage = 'other-bytes' | 'half' | 'cut' | 'page' | 'silence';

type MirrorState = 'up' | 'down' | 'silent';

/** A mirror of the archives that this machine uses. */
export interface Mirror extends AsyncDisposable {
  /** Of an apt that knows this mirror alone. */
  readonly environment: NodeJS.ProcessEnv;
  /** Serves .debs of these packages damaged from now on, and no others. */
  damage(packages: Readonly<Record<string, Damage>>): void;
  /** Answers everything like that from now on; `down` is 503. */
  become(state: MirrorState): void;
}

/** Starts a mirror on a free port of 127.0.0.1: it fetches whatever it is asked for, as apt would. */
export async function startMirror(): Promise<Mirror> {
  const folder = await mkdtemp(join(tmpdir(), 'offline-mirror-'));
  const targets = await hostTargets(env);
  const archives = [...new Set(targets.map(({ archiveUrl }) => archiveUrl))];
  let damaged: ReadonlyMap<string, Damage> = new Map();
  let state: MirrorState = 'up';
  const known = new Map<string, Promise<Buffer | undefined>>();

  async function respond(path: string, response: ServerResponse): Promise<void> {
    if (state === 'silent') return;
    if (state === 'down') {
      response.writeHead(503).end();
      return;
    }
    const [, archive = '', file = ''] = /^\/(\d+)\/(.*)$/.exec(path) ?? [];
    const fetching = known.get(path) ?? fetched(`${archives[Number(archive)]}${file}`, folder);
    known.set(path, fetching);
    const bytes = await fetching;
    if (bytes === undefined) {
      response.writeHead(404).end();
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
    const aptState = join(folder, 'apt');
    const mirrored = targets.map((target) => ({
      ...target,
      archiveUrl: `http://127.0.0.1:${port}/${archives.indexOf(target.archiveUrl)}/`,
    }));
    await updateLists(aptState, hostArchitecture(), mirrored, env);
    return {
      environment: { ...env, APT_CONFIG: join(aptState, 'apt.conf') },
      damage: (packages) => {
        damaged = new Map(Object.entries(packages));
      },
      become: (next) => {
        state = next;
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
    case 'silence':
      return;
    case undefined:
      response.end(bytes);
  }
}
