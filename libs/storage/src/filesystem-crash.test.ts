import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isDigest, type Digest } from './digest.ts';
import { createFilesystemStore } from './filesystem/store.ts';
import { readBlob } from './read-blob.ts';
import { MIB, collect } from './testing/harness.ts';

const WRITER = fileURLToPath(new URL('./testing/writer.ts', import.meta.url));
const ROUNDS = 6;

test('a writer killed at any point loses nothing that it has acknowledged, and leaves nothing half-written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blob-crash-'));
  const root = join(folder, 'store');
  try {
    const acknowledged: Digest[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const spool = join(folder, `spool-${round}`);
      await mkdir(spool);
      acknowledged.push(...(await writeUntilKilled(root, spool)));

      const store = await createFilesystemStore({ root });
      expect(await readdir(join(root, 'tmp'))).toEqual([]);
      const stored = new Set<Digest>();
      for (const { digest } of await collect(store.list())) {
        // Rejects if the content has another digest.
        await readBlob(store, digest, 2 * MIB);
        stored.add(digest);
      }
      expect(acknowledged.filter((digest) => !stored.has(digest))).toEqual([]);
      for (const { name } of await collect(store.listObjects('builds/'))) {
        const content = Buffer.from((await store.getObject(name)) ?? []).toString();
        expect(isDigest(content) && stored.has(content)).toBe(true);
      }
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Runs a writer, kills it at a random moment after its first acknowledgement, and returns what it acknowledged. */
async function writeUntilKilled(root: string, spool: string): Promise<readonly Digest[]> {
  const writer = spawn(process.execPath, ['--conditions=@nixery/source', WRITER, root, spool], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(writer, 'exit');
  try {
    const acknowledged: Digest[] = [];
    const lines = createInterface({ input: writer.stdout });
    lines.on('line', (line) => {
      if (isDigest(line)) acknowledged.push(line);
    });
    const closed = once(lines, 'close');
    await Promise.race([once(lines, 'line'), closed]);
    await delay(randomInt(60));
    writer.kill('SIGKILL');
    await closed;
    return acknowledged;
  } finally {
    writer.kill('SIGKILL');
    await exited;
  }
}
