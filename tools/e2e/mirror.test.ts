import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, type ExpectStatic, test } from 'vitest';
import { z } from 'zod';
import { Buildah } from './clients/buildah.ts';
import type { Client } from './clients/client.ts';
import { Containerd } from './clients/containerd.ts';
import { Docker } from './clients/docker.ts';
import { Podman } from './clients/podman.ts';
import { Skopeo } from './clients/skopeo.ts';
import { caughtUp, logLines } from './log-lines.ts';
import { freePort } from './port.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const documentation = readFileSync(new URL('../../docs/mirror.md', import.meta.url), 'utf8');
/** The name that it has clients write, and the address that they ask instead. */
const DOCUMENTED = { name: 'nixery.example', address: '127.0.0.1:8080' };
/** What dockerd alone knows mirrors of, and who answers for it. */
const HUB = { name: 'docker.io', server: 'registry-1.docker.io:443' };
/** What containerd adds to what it asks of a mirror. */
const NAMESPACE = `ns=${DOCUMENTED.name}&`;

const manifestSchema = z.object({ config: z.object({ digest: z.string() }) });
const requestSchema = z.object({
  msg: z.literal('request'),
  url: z.string(),
  status: z.number(),
});

let dir: string;
let registry: RegistryServer;
let proxy: Server;
/** Hosts that docker asked its proxy for. */
const reached: (string | undefined)[] = [];
const clients = new Map<string, Client>();
let kubernetes: Containerd | undefined;
const obstacles = {
  containerd: await new Containerd().available(),
  podman: await new Podman().available(),
  buildah: await new Buildah().available(),
  skopeo: await new Skopeo().available(),
  docker: await new Docker().available(),
};

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-mirror-'));
  registry = await startRegistry(dir, {
    NIXERY_PKGS_PATH: await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() }),
    NIXERY_HOLD_SECONDS: '1',
  });
  const port = await freePort();
  // In place of the internet, which has no Docker Hub today.
  proxy = createServer().on('connect', ({ url }, socket) => {
    reached.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  proxy.listen(port, '127.0.0.1');
  await once(proxy, 'listening');

  mkdirSync(path.join(hostsFolder(), DOCUMENTED.name), { recursive: true });
  writeFileSync(
    path.join(hostsFolder(), DOCUMENTED.name, 'hosts.toml'),
    documented('capabilities'),
  );
  writeFileSync(registriesFile(), documented('[[registry.mirror]]'));
  kubernetes = new Containerd({ kubernetesHosts: hostsFolder() });
  for (const client of [
    kubernetes,
    new Podman(),
    new Buildah(),
    new Skopeo(),
    new Docker({
      configuration: documented('registry-mirrors'),
      proxy: `http://127.0.0.1:${port}`,
    }),
  ]) {
    if ((await client.available()) !== null) continue;
    clients.set(client.name, client);
    await client.start(mkdtempSync(path.join(dir, `${client.name}-`)));
  }
});
afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.stop()));
  proxy?.closeAllConnections();
  proxy?.close();
  await registry?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function hostsFolder(): string {
  return path.join(dir, 'certs.d');
}

function registriesFile(): string {
  return path.join(dir, 'registries.conf');
}

/** The documented configuration that holds these words, with the address of this test's server. */
function documented(words: string): string {
  const blocks = [...documentation.matchAll(/^```(?:toml|json)\n(.*?)^```$/gms)];
  const block = blocks.map(([, text = '']) => text).find((text) => text.includes(words)) ?? '';
  expect(block).toContain(DOCUMENTED.address);
  return block.replaceAll(DOCUMENTED.address, registry.host);
}

/** Requests for manifests of this name so far, each with its status. */
function requests(name: string): readonly string[] {
  return logLines(registry)
    .flatMap((line) => requestSchema.safeParse(line).data ?? [])
    .filter(({ url }) => url.startsWith(`/v2/${name}/manifests/`))
    .map(({ status, url }) => `${status} ${url}`);
}

/** The image as it is, whoever asks for it: the digests of its manifest and of its config. */
async function built(name: string): Promise<{ readonly digest: string; readonly config: string }> {
  const response = await fetch(`${registry.url}/v2/${name}/manifests/latest`);
  const { config } = manifestSchema.parse(await response.json());
  return { digest: response.headers.get('docker-content-digest') ?? '', config: config.digest };
}

/** Has the client been sent on, with what it asked of a mirror, until it was given the image? */
async function expectSentOn(name: string, query: string, expect: ExpectStatic): Promise<void> {
  const tag = `/v2/${name}/manifests/latest?${query}`;
  await caughtUp(registry);
  expect(requests(name)).toContain(`307 ${tag}w=1`);
  expect(requests(name).some((line) => line.startsWith(`200 ${tag}w=`))).toBe(true);
}

// Each of two parts, as most names at Docker Hub are, and of a build of its own that takes longer than a request is held.
describe.concurrent('configured as documented, under a name that is not this registry’s', () => {
  test.for([
    { client: 'containerd', name: 'slow3/hello' },
    { client: 'podman', name: 'slow4/hello' },
    { client: 'buildah', name: 'slow5/hello' },
    { client: 'skopeo', name: 'slow6/hello' },
    { client: 'docker', name: 'slow7/hello' },
  ] as const)(
    '$client pulls what takes long to build',
    async ({ client, name }, { skip, expect }) => {
      if (obstacles[client] !== null) skip(obstacles[client]);
      const mirrors = client === 'containerd' ? hostsFolder() : registriesFile();
      const host = client === 'docker' ? HUB.name : DOCUMENTED.name;
      const image = { host, name, reference: 'latest' };
      const pulled = await clients.get(client)?.pull(image, { mirrors });
      expect(pulled?.code, pulled?.output).toBe(0);
      await expectSentOn(name, client === 'containerd' ? NAMESPACE : '', expect);
      expect(pulled?.digest).toBe((await built(name)).digest);
    },
  );

  test('Kubernetes’ containerd pulls what takes long to build', async ({ skip, expect }) => {
    if (obstacles.containerd !== null) skip(obstacles.containerd);
    const name = 'slow8/hello';
    const image = { host: DOCUMENTED.name, name, reference: 'latest' };
    const pulled = await kubernetes?.pullForKubernetes(image);
    await expectSentOn(name, NAMESPACE, expect);
    expect(pulled).toBe((await built(name)).config);
  });
});

test('docker pulls the image of one package, whose name is there twice', async ({ skip }) => {
  if (obstacles.docker !== null) skip(obstacles.docker);
  const image = { host: HUB.name, name: 'hello/hello', reference: 'latest' };
  const pulled = await clients.get('docker')?.pull(image);
  expect(pulled, pulled?.output).toMatchObject({ code: 0, digest: (await built('hello')).digest });
});

test.for([
  { what: 'one of Docker Hub’s own images', name: 'library/hello', status: 404 },
  { what: 'a package that is not there', name: 'shell/helo', status: 404 },
  { what: 'a package that is refused', name: 'shell/unfree', status: 403 },
  { what: 'a package that does not build', name: 'shell/failing', status: 422 },
])('docker goes on to Docker Hub for $what', async ({ name, status }, { skip }) => {
  if (obstacles.docker !== null) skip(obstacles.docker);
  reached.length = 0;
  const image = { host: HUB.name, name, reference: 'latest' };
  const { code, output } = (await clients.get('docker')?.pull(image)) ?? {};
  expect(code, output).toBe(1);
  expect(reached).toContain(HUB.server);
  await caughtUp(registry);
  expect(requests(name)).toContain(`${status} /v2/${name}/manifests/latest`);
  // What is wrong with the image is in dockerd's log alone: its user reads of the place that was asked last.
  expect(output).toContain(`https://${HUB.server.replace(':443', '')}/v2/`);
});

test.for(['podman', 'buildah', 'skopeo'] as const)(
  '%s, which goes on to the name’s own registry in vain, prints what this one has answered',
  async (name, { skip }) => {
    if (obstacles[name] !== null) skip(obstacles[name]);
    const image = { host: DOCUMENTED.name, name: 'helo', reference: 'latest' };
    const pulled = await clients.get(name)?.pull(image, { mirrors: registriesFile() });
    expect(pulled?.code).not.toBe(0);
    expect(pulled?.output).toMatch(/package \\?"helo\\?" was not found; did you mean hello\?/);
  },
);
