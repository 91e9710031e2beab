import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Client } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { caughtUp, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const documentation = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8');

const requestLine = z.object({
  msg: z.literal('request'),
  method: z.string(),
  url: z.string(),
  status: z.number(),
});
type RequestLine = z.infer<typeof requestLine>;

const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })).min(1),
});

/** What is pulled, in the words of the document, one after the other. */
const PULLS = ['an image', 'the same again', 'an image of several platforms'] as const;
type Pull = (typeof PULLS)[number];

const cases = await clientCases();
let dir: string;
let single: RegistryServer;
let several: RegistryServer;
/** What each client asked for in each of its pulls. */
const asked = new Map<Client, ReadonlyMap<Pull, readonly RequestLine[]>>();

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-requests-'));
  const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
  const env = { NIXERY_PKGS_PATH: packages };
  single = await startRegistry(path.join(dir, 'single'), env);
  several = await startRegistry(path.join(dir, 'several'), {
    ...env,
    NIXERY_PLATFORMS: 'linux/amd64,linux/arm64',
  });
  // Built before, so that nobody is sent round.
  for (const { url } of [single, several]) {
    await (await fetch(`${url}/v2/sharesa/manifests/latest`)).arrayBuffer();
  }
  for (const { client, obstacle } of cases) {
    if (obstacle === null) asked.set(client, await watch(client));
  }
}, 600_000);
afterAll(async () => {
  await Promise.all(cases.map(({ client }) => client.stop()));
  await single?.stop();
  await several?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function watch(client: Client): Promise<ReadonlyMap<Pull, readonly RequestLine[]>> {
  const pulls = new Map<Pull, readonly RequestLine[]>();
  for (const what of PULLS) {
    if (what !== 'the same again') {
      await client.stop();
      await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
    }
    const registry = what === 'an image of several platforms' ? several : single;
    const before = (await logged(registry)).length;
    const image = { host: registry.host, name: 'sharesa', reference: 'latest' };
    const { code, output } = await client.pull(image);
    if (code !== 0) throw new Error(`${client.name}: ${output}`);
    pulls.set(what, (await logged(registry)).slice(before));
  }
  return pulls;
}

/** All requests of clients up to now. */
async function logged(registry: RegistryServer): Promise<readonly RequestLine[]> {
  await caughtUp(registry);
  return logLines(registry)
    .flatMap((line) => requestLine.safeParse(line).data ?? [])
    .filter(({ url }) => url.startsWith('/v2/'));
}

function count(lines: readonly RequestLine[], method: string, pattern: RegExp): number {
  return lines.filter((line) => line.method === method && pattern.test(line.url)).length;
}

/** A row of the document's table. */
function rowOf(client: string, pull: Pull, lines: readonly RequestLine[]): readonly string[] {
  const counts = [
    count(lines, 'GET', /^\/v2\/$/),
    count(lines, 'HEAD', /\/manifests\//),
    count(lines, 'GET', /\/manifests\/(?!sha256:)/),
    count(lines, 'GET', /\/manifests\/sha256:/),
    count(lines, 'GET', /\/blobs\//),
  ];
  return [client, pull, ...counts.map(String)];
}

function documentedRows(): readonly (readonly string[])[] {
  return documentation
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter(([, pull]) => PULLS.some((known) => known === pull));
}

test('the document has a row for every client and pull', () => {
  const rows = documentedRows().map(([client, pull]) => `${client}: ${pull}`);
  const wanted = cases.flatMap(({ name }) => PULLS.map((pull) => `${name}: ${pull}`));
  expect(rows.toSorted()).toEqual(wanted.toSorted());
});

describe.for(cases)('$name', ({ client, name, obstacle }) => {
  test.for(PULLS)('asks as documented for %s', (pull, { skip }) => {
    if (obstacle !== null) skip(obstacle);
    const lines = asked.get(client)?.get(pull) ?? [];
    const documented = documentedRows().find(([of, what]) => of === name && what === pull);
    expect(rowOf(name, pull, lines)).toEqual(documented);
  });

  test('asks for nothing in vain, and for each blob once', async ({ skip }) => {
    if (obstacle !== null) skip(obstacle);
    const pulls = asked.get(client) ?? new Map<Pull, readonly RequestLine[]>();
    const lines = [...pulls.values()].flat();
    expect(lines.filter(({ status }) => status !== 200)).toEqual([]);

    const manifest = await fetch(`${single.url}/v2/sharesa/manifests/latest`);
    const { config, layers } = manifestSchema.parse(await manifest.json());
    const blobs = (pulls.get('an image') ?? [])
      .filter(({ url }) => url.includes('/blobs/'))
      .map(({ url }) => url.slice(url.lastIndexOf('/') + 1));
    expect(blobs.toSorted()).toEqual([config, ...layers].map(({ digest }) => digest).toSorted());
  });

  test('asks for the manifest of an image with one HEAD and one GET at most', ({ skip }) => {
    if (obstacle !== null) skip(obstacle);
    const lines = asked.get(client)?.get('an image') ?? [];
    expect(count(lines, 'HEAD', /\/manifests\//)).toBeLessThanOrEqual(1);
    expect(count(lines, 'GET', /\/manifests\//)).toBe(1);
  });
});
