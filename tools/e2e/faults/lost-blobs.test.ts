import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPackageRepository, type PackageRepository } from '@nixery/builder/testing';
import { createRandom } from '@nixery/storage/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { type RegistryServer, startRegistry } from '../server.ts';

const LONG = process.env['NIXERY_TEST_LONG'] === '1';
const LOSSES = LONG ? 400 : 30;
const SEED = Number(process.env['NIXERY_TEST_SEED'] ?? '1');
/** Between losses, at most (ms). */
const LONGEST_PAUSE_MS = 500;
/** After so many losses the caches crash; few times, so that they are not down for long. */
const CRASH_EACH = LOSSES / 3;

const NAMES = ['slow0', 'slow0/hello', 'sharesa/slow0', 'slow0/sharesb', 'sharesa/sharesb'];
const preload = new URL('kill-cache-thread.mjs', import.meta.url).href;
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).min(1),
});

interface Answer {
  readonly status: number;
  readonly digest: string;
  readonly body: string;
}

let dir: string;
let repository: PackageRepository;
let servers: readonly RegistryServer[];
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-lost-'));
  repository = await createPackageRepository(path.join(dir, 'upstream'));
  const env = {
    NIXERY_PKGS_REPO: repository.url,
    STORAGE_PATH: path.join(dir, 'storage'),
    NODE_OPTIONS: `--import=${preload}`,
  };
  const started = ['one', 'other'].map((name) => startRegistry(path.join(dir, name), env));
  servers = await Promise.all(started);
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(dir, { recursive: true, force: true });
});

async function ask(server: RegistryServer, address: string): Promise<Answer> {
  const response = await fetch(`${server.url}/v2/${address}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { status: response.status, digest, body: bytes.toString('utf8') };
}

/** What may come of asking while blobs are lost all the time: the thing itself, or that one should ask again. */
const FINE: ReadonlySet<number> = new Set([200, 429, 503]);

test(
  `whatever blobs are lost while two servers give ${NAMES.length} images and their caches crash, nothing is called unknown, and all is whole in the end`,
  { timeout: 120_000 + LOSSES * 5_000 },
  async () => {
    const random = createRandom(SEED);
    const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
    const commit = await repository.commit(randomUUID());
    const digests = new Map<string, string>();
    for (const name of NAMES) {
      const { body, digest, status } = await ask(pick(servers) ?? fail(), manifestOf(name, commit));
      expect(status, body).toBe(200);
      digests.set(name, digest);
    }

    const refusals: string[] = [];
    const over = new AbortController();
    async function pullOn(server: RegistryServer): Promise<void> {
      while (!over.signal.aborted) {
        const [name = '', digest = ''] = pick([...digests]) ?? [];
        const image = await ask(server, manifestOf(name, pick([commit, digest]) ?? ''));
        note(name, image);
        if (image.status !== 200) continue;
        expect(image.digest).toBe(digest);
        for (const blob of blobsOf(image.body)) {
          note(name, await ask(server, `${name}/blobs/${blob}`).catch(brokenOff));
        }
      }
    }
    function note(name: string, { body, status }: Answer): void {
      if (!FINE.has(status)) refusals.push(`${name}: ${status} ${body}`);
    }

    const pulling = servers.flatMap((server) => [pullOn(server), pullOn(server)]);
    for (let loss = 1; loss <= LOSSES; loss++) {
      await delay(random() * LONGEST_PAUSE_MS);
      const blob = pick(readdirSync(blobs())) ?? '';
      lose(blob, random() < 0.2);
      if (loss % CRASH_EACH === 0) for (const server of servers) server.signal('SIGWINCH');
    }
    over.abort();
    await Promise.all(pulling);
    expect(refusals, `seed ${SEED}`).toEqual([]);

    for (const server of servers) {
      for (const [name, digest] of digests) {
        const image = await ask(server, manifestOf(name, commit));
        expect(image, `seed ${SEED}: ${name}`).toMatchObject({ status: 200, digest });
        for (const blob of blobsOf(image.body)) {
          const layer = await ask(server, `${name}/blobs/${blob}`);
          expect([layer.status, layer.digest], `seed ${SEED}: ${name}`).toEqual([200, blob]);
        }
      }
    }
  },
);

function manifestOf(name: string, reference: string): string {
  return `${name}/manifests/${reference}`;
}

function blobsOf(manifest: string): readonly string[] {
  const { config, layers } = manifestSchema.parse(JSON.parse(manifest));
  return [config, ...layers].map(({ digest }) => digest);
}

const blobs = (): string => path.join(dir, 'storage', 'layers');

/** Deletes a blob, or cuts it short. */
function lose(blob: string, isCut: boolean): void {
  const file = path.join(blobs(), blob);
  try {
    if (isCut) truncateSync(file, statSync(file).size / 2);
    else unlinkSync(file);
  } catch {
    // A server has replaced it just now.
  }
}

/** A blob that is cut short while it is sent. */
function brokenOff(): Answer {
  return { status: 503, digest: '', body: 'broken off' };
}

function fail(): never {
  throw new Error('there are no servers');
}
