import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { startGcsServer } from './testing/gcs-server/server.ts';
import { MIB } from './testing/harness.ts';
import { startS3Server } from './testing/s3-server/server.ts';

const BUCKET = 'images';
const SIZE = 320 * MIB;
/** Parts on their way and what the collector of garbage has not come to yet; less than half of the content. */
const BOUND = 144 * MIB;
const TRANSFER = fileURLToPath(new URL('./testing/transfer.ts', import.meta.url));

const reportSchema = z.object({ received: z.number(), grownBytes: z.number() });

describe('a large blob', () => {
  let folder: string;
  let file: string;
  let digest: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-memory-'));
    file = join(folder, 'blob');
    const hash = createHash('sha256');
    const handle = await open(file, 'wx');
    for (let written = 0; written < SIZE; written += 16 * MIB) {
      const piece = randomBytes(16 * MIB);
      hash.update(piece);
      await handle.writeFile(piece);
    }
    await handle.close();
    digest = `sha256:${hash.digest('hex')}`;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([{ kind: 'gcs' }, { kind: 's3' }])(
    'goes to $kind and back through little memory',
    { timeout: 120_000 },
    async ({ kind }) => {
      const { endpoint, close } = await startPeer(kind);
      try {
        const args = [
          '--conditions=@nixery/source',
          TRANSFER,
          kind,
          endpoint,
          BUCKET,
          file,
          digest,
        ];
        const { stdout } = await promisify(execFile)(process.execPath, args);
        const { received, grownBytes } = reportSchema.parse(JSON.parse(stdout));
        expect(received).toBe(SIZE);
        expect(grownBytes).toBeLessThan(BOUND);
      } finally {
        await close();
      }
    },
  );
});

async function startPeer(kind: string): Promise<{
  readonly endpoint: string;
  readonly close: () => Promise<void>;
}> {
  return kind === 'gcs'
    ? await startGcsServer({ bucket: BUCKET })
    : await startS3Server({ bucket: BUCKET });
}
