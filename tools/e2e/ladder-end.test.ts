import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PullResult } from './clients/client.ts';
import { clientCases } from './clients/each.ts';
import { caughtUp, countLogged, logLines } from './log-lines.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string() })).length(1),
});

const cases = await clientCases();
const docker = cases.find(({ name }) => name === 'docker');
let dir: string;
let registry: RegistryServer;
const pulls = new Map<string, PullResult>();

/** Takes longer than all redirects together, which are over after ten seconds. */
const BUILD = 'slow14';
/** Longer than twice that. */
const LONGER = 'slow35';

/** How clients name themselves. */
const AGENTS: Readonly<Record<string, RegExp>> = {
  docker: /^docker\//,
  containerd: /^containerd\//,
  skopeo: /^skopeo\//,
  podman: /containers\/|libpod/,
  buildah: /Buildah|containers\//,
};

const requestLine = z.object({
  msg: z.literal('request'),
  url: z.string(),
  status: z.literal(429),
  agent: z.string().optional(),
});

/** Those of the clients' requests that were answered so. */
function told(): readonly z.infer<typeof requestLine>[] {
  return logLines(registry)
    .flatMap((line) => requestLine.safeParse(line).data ?? [])
    .filter(({ url }) => url.startsWith(`/v2/${BUILD}/`));
}

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-end-'));
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() }),
    NIXERY_HOLD_SECONDS: '1',
    NIXERY_LAST_HOLD_SECONDS: '1',
  });
  const clients = cases.filter(({ obstacle }) => obstacle === null).map(({ client }) => client);
  for (const client of clients) {
    await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
  }
  const image = { host: registry.host, name: BUILD, reference: 'v1' };
  // Also where no client is there, somebody asks while somebody else waits.
  const asked = `${registry.url}/v2/${BUILD}/manifests/v1`;
  await Promise.all([
    ...[fetch(asked), fetch(asked)],
    ...clients.map(async (client) => pulls.set(client.name, await client.pull(image))),
    ...(docker?.obstacle === null
      ? [docker.client.pull({ ...image, name: LONGER }).then((pull) => pulls.set(LONGER, pull))]
      : []),
  ]);
  await caughtUp(registry);
});
afterAll(async () => {
  await Promise.all(cases.map(({ client }) => client.stop()));
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe.for(cases)('who has been sent on nine times and has no image yet', (each) => {
  test.skipIf(each.obstacle !== null)(`is told to come back, and gets it: ${each.name}`, () => {
    const pull = pulls.get(each.name);
    expect(pull?.code, pull?.output).toBe(0);
    const agent = AGENTS[each.name] ?? /nobody/;
    expect(told().some((line) => agent.test(line.agent ?? ''))).toBe(true);
  });
});

test.skipIf(docker?.obstacle !== null)(
  'docker, which asks twice, says in the end that the image is still being built',
  () => {
    const pull = pulls.get(LONGER);
    expect(pull?.code, pull?.output).toBe(1);
    expect(pull?.output).toContain('the image is still being built; pull it again in a moment');
  },
);

test('all who ask for an image wait for one build', () => {
  expect(countLogged(registry, 'build started')).toBe(docker?.obstacle === null ? 2 : 1);
});

test.for(['w=9', 'w=10', 'ns=docker.io&w=99'])(
  'a request that counts %s is answered 429 while the image is built, and never sent on',
  async (query) => {
    const asked = `${registry.url}/v2/slow30/manifests/v1?${query}`;
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(asked, { method, redirect: 'manual' });
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).toBe('5');
      if (method === 'HEAD') continue;
      const [error] = errorsSchema.parse(await response.json()).errors;
      expect(error?.code).toBe('TOOMANYREQUESTS');
    }
  },
);
