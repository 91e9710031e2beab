import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { clientCases } from './clients/each.ts';
import { type RegistryServer, startRegistry } from './server.ts';

let dir: string;
let registry: RegistryServer;
const cases = await clientCases();
const clients = cases.filter(({ obstacle }) => obstacle === null).map(({ client }) => client);

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-ladder-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: packages,
    NIXERY_HOLD_SECONDS: '2',
  });
  for (const client of clients) {
    await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
  }
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const requestLine = z.object({ msg: z.literal('request'), url: z.string(), status: z.number() });

function requests(): readonly z.infer<typeof requestLine>[] {
  return registry
    .logs()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => requestLine.safeParse(JSON.parse(line)).data ?? []);
}

test.skipIf(cases.some(({ obstacle }) => obstacle !== null))(
  'all clients wait out one build that takes longer than a request is held',
  async () => {
    const image = { host: registry.host, name: 'slow8', reference: 'v1' };
    const results = await Promise.all(clients.map((client) => client.pull(image)));
    for (const [i, { code, output }] of results.entries()) {
      expect(code, `${clients[i]?.name}: ${output}`).toBe(0);
    }
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    expect(results[0]?.digest).toMatch(/^sha256:/);

    const asked = requests().filter(({ url }) => url.startsWith('/v2/slow8/manifests/v1'));
    expect(asked.filter(({ status }) => status === 307).length).toBeGreaterThan(clients.length);
    expect(registry.logs().match(/"msg":"build started"/g)).toHaveLength(1);
  },
);
