import { randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { caughtUp, countLogged } from '../log-lines.ts';
import { type RegistryServer, startRegistry } from '../server.ts';

const manifestSchema = z.object({ layers: z.array(z.object({ digest: z.string() })).min(1) });

let dir: string;
let server: RegistryServer;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-storage-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages });
});
afterEach(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The status and the body of `/readyz`. */
async function readiness(): Promise<[number, unknown]> {
  const answer = await fetch(`${server.url}/readyz`);
  return [answer.status, await answer.json()];
}

test('while the storage is away, known images are answered, the server stays ready and says what is wrong, and nothing is rebuilt or forgotten', async () => {
  const manifest = `${server.url}/v2/slow0/manifests/latest`;
  const before = await (await fetch(manifest)).text();
  const { layers } = manifestSchema.parse(JSON.parse(before));
  const blob = `${server.url}/v2/slow0/blobs/${layers[0]?.digest}`;

  const storage = path.join(dir, 'storage');
  renameSync(storage, `${storage}-away`);
  const during = await fetch(manifest);
  expect([during.status, await during.text()]).toEqual([200, before]);
  expect((await fetch(blob)).status).toBe(503);
  // The storage is asked at most once a second (docs/decisions/0008), so the answer may be of before.
  await expect.poll(readiness).toMatchObject([
    200,
    {
      ready: true,
      checks: {
        storage: { status: 'degraded', reason: 'the storage does not answer (unavailable)' },
        cache: { status: 'ok' },
        nix: { status: 'ok' },
      },
    },
  ]);

  renameSync(`${storage}-away`, storage);
  expect((await fetch(blob)).status).toBe(200);
  await expect.poll(readiness).toMatchObject([200, { checks: { storage: { status: 'ok' } } }]);
  await caughtUp(server);
  expect(countLogged(server, 'build started')).toBe(1);
});
