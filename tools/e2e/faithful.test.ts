import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages, snapshot } from '@nixery/builder/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { closureOf, preparedSet } from '../packages/testing/nix.ts';
import { Buildah } from './clients/buildah.ts';
import { Docker } from './clients/docker.ts';
import { Skopeo } from './clients/skopeo.ts';
import { type RegistryServer, startRegistry } from './server.ts';

const STORE = '/nix/store';
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.unknown()),
});
/** No entry says `empty_layer`. */
const configSchema = z.object({
  history: z.array(z.strictObject({ created: z.string(), created_by: z.string() })),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

const skopeo = new Skopeo();
const isMissing = (await skopeo.available()) !== null;
const builders = await Promise.all(
  [new Buildah(), new Docker()].map(async (client) => ({
    client,
    name: client.name,
    obstacle: await client.available(),
  })),
);

let dir: string;
/** Of real programs. */
let offline: RegistryServer;
/** Of packages that are hard to archive. */
let awkward: RegistryServer;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-faithful-'));
  const folders = ['offline', 'awkward', 'skopeo'].map((name) => path.join(dir, name));
  for (const folder of folders) mkdirSync(folder);
  const packages = path.join(dir, 'packages');
  await prepareTestPackages(packages, { salt: randomUUID() });
  offline = await startRegistry(path.join(dir, 'offline'), {
    NIXERY_PKGS_PATH: await preparedSet(),
  });
  awkward = await startRegistry(path.join(dir, 'awkward'), { NIXERY_PKGS_PATH: packages });
  if (isMissing) return;
  await skopeo.start(path.join(dir, 'skopeo'));
});
afterAll(async () => {
  await skopeo.stop();
  await offline?.stop();
  await awkward?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('an image', () => {
  test.skipIf(isMissing).for([
    {
      of: 'real programs',
      registry: () => offline,
      name: 'shell/git/python3',
      least: 30,
    },
    {
      of: 'awkward packages',
      registry: () => awkward,
      name: 'shell/emptydirs/unicodenames/rawnames/longnames/symlinkloops/modes/singlefile/linkedhello',
      least: 12,
    },
  ])('of $of is the Nix store, file by file', async ({ registry, name, least }) => {
    const image = { host: registry().host, name, reference: 'latest' };
    expect(await skopeo.pull(image)).toMatchObject({ code: 0 });
    const bundle = await skopeo.unpack(image, `unpacked-${path.basename(name)}`);
    const unpacked = path.join(bundle, 'rootfs', STORE);
    const names = readdirSync(unpacked).sort();
    expect(names.length).toBeGreaterThanOrEqual(least);
    const closure = await closureOf(names.map((entry) => path.join(STORE, entry)));
    expect(names).toEqual(closure.map((entry) => path.basename(entry)).sort());
    for (const entry of names) {
      const there = snapshot(path.join(unpacked, entry));
      expect(there, entry).toEqual(snapshot(path.join(STORE, entry)));
    }
  });

  test.skipIf(isMissing).for(['022', '077'])(
    'has a root folder that all may enter, unpacked with a umask of %s',
    async (umask) => {
      const image = { host: offline.host, name: 'shell', reference: 'latest' };
      expect(await skopeo.pull(image)).toMatchObject({ code: 0 });
      const bundle = await skopeo.unpack(image, `unpacked-with-${umask}`, umask);
      expect(statSync(path.join(bundle, 'rootfs')).mode & 0o7777).toBe(0o755);
    },
  );

  test('has one entry of history for each of its layers', async () => {
    const address = `${offline.url}/v2/shell/git`;
    const manifest = manifestSchema.parse(await json(`${address}/manifests/latest`));
    const config = configSchema.parse(await json(`${address}/blobs/${manifest.config.digest}`));
    expect(config.history).toHaveLength(manifest.layers.length);
    expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
  });
});

describe.for(builders)('$name', ({ client, name, obstacle }) => {
  beforeAll(async () => {
    if (obstacle !== null) return;
    mkdirSync(path.join(dir, name));
    await client.start(path.join(dir, name));
  });
  afterAll(() => client.stop());

  test.skipIf(obstacle !== null)(
    'builds on an image: runs in it, writes to it, copies into it',
    async () => {
      const context = path.join(dir, name, 'context');
      mkdirSync(context);
      const program = '#!/usr/bin/env bash\necho "added, as $(id -u)"\n';
      writeFileSync(path.join(context, 'program'), program);
      // Copied with its mode, which is not to depend on the umask.
      chmodSync(path.join(context, 'program'), 0o755);
      const dockerfile = [
        `FROM ${offline.host}/shell/git:latest`,
        'RUN git --version > /version && echo written > /etc/written && mkdir -p /usr/share/mine',
        'COPY program /bin/added',
        'USER 1000',
        'CMD ["added"]',
      ];
      writeFileSync(path.join(context, 'Dockerfile'), `${dockerfile.join('\n')}\n`);
      const image = { host: 'localhost', name: 'built', reference: '1' };
      const built = await client.build(image, context);
      expect(built.code, built.output).toBe(0);
      const script = 'cat /version /etc/written; test -d /usr/share/mine; added';
      const result = await client.run(image, ['/bin/bash', '-euc', script]);
      expect(result).toMatchObject({ code: 0 });
      expect(result.stdout).toMatch(/^git version .*\nwritten\nadded, as 1000\n$/);
    },
  );
});

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  return await response.json();
}
