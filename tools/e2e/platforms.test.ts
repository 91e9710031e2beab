import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clientCases } from './clients/each.ts';
import { caughtUp, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const indexSchema = z.object({
  manifests: z.array(
    z.object({ digest: z.string(), platform: z.object({ architecture: z.string() }) }),
  ),
});
const requestSchema = z.object({ msg: z.literal('request'), url: z.string() });

const cases = await clientCases();
let dir: string;
let registry: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-platforms-'));
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() }),
    NIXERY_PLATFORMS: 'linux/amd64,linux/arm64',
  });
  for (const { client, obstacle } of cases) {
    if (obstacle !== null) continue;
    const clientDir = path.join(dir, client.name);
    mkdirSync(clientDir);
    await client.start(clientDir);
  }
});
afterAll(async () => {
  await Promise.all(cases.map(({ client }) => client.stop()));
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Digests of an index's images, by architecture. */
async function images(name: string): Promise<ReadonlyMap<string, string>> {
  const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`, {
    headers: { Accept: 'application/vnd.oci.image.index.v1+json' },
  });
  const { manifests } = indexSchema.parse(await response.json());
  return new Map(manifests.map(({ digest, platform }) => [platform.architecture, digest]));
}

describe.for(cases)('an image index, pulled with $name', ({ client, obstacle }) => {
  test.skipIf(obstacle !== null)('gives the image of the host, which runs', async () => {
    const image = { host: registry.host, name: 'hello', reference: 'latest' };
    const pulled = await client.pull(image);
    expect(pulled, pulled.output).toMatchObject({ code: 0 });
    expect((await client.run(image, ['hello'])).stdout).toBe('Hello, world!\n');
  });

  test.skipIf(obstacle !== null)(
    'gives the image of another platform to who asks for it',
    async () => {
      const image = { host: registry.host, name: 'sharesa', reference: 'latest' };
      const pulled = await client.pull(image, { architecture: 'arm64' });
      expect(pulled, pulled.output).toMatchObject({ code: 0 });
      const children = await images('sharesa');
      expect([...children.keys()]).toEqual(['amd64', 'arm64']);
      await caughtUp(registry);
      expect(requested()).toContain(`/v2/sharesa/manifests/${children.get('arm64')}`);
      expect(requested()).not.toContain(`/v2/sharesa/manifests/${children.get('amd64')}`);
    },
  );
});

/** Addresses asked for so far. */
function requested(): readonly string[] {
  return logLines(registry).flatMap((line) => requestSchema.safeParse(line).data?.url ?? []);
}
