import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { BuildError } from './errors.ts';
import { parseImageName, parsePullRequest, type PullRequest } from './image-name.ts';
import { createHarness, type Harness } from './testing/harness.ts';
import { createPackageRepository } from './testing/package-repository.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness({}, randomUUID());
});
afterEach(async () => {
  await harness.stop();
  await harness.remove();
});

function request(name: string, reference = 'latest'): PullRequest {
  return parsePullRequest(name, reference, ['x86_64-linux', 'aarch64-linux']);
}

const digest = z.templateLiteral(['sha256:', z.string()]);
const indexSchema = z.object({
  mediaType: z.string(),
  manifests: z.array(
    z.object({
      mediaType: z.string(),
      digest,
      platform: z.object({ architecture: z.string(), os: z.string() }),
    }),
  ),
});
const imageSchema = z.object({ config: z.object({ digest }) });
const configSchema = z.object({ architecture: z.string() });

async function pull(name: string, reference?: string) {
  const record = await harness.builder.image(request(name, reference));
  const { docker, oci } = record.forms;
  if (oci === undefined || docker === undefined) throw new Error('a form is missing');
  return { record, digest: oci.digest, oci, docker };
}

async function failure(name: string): Promise<BuildError> {
  const error: unknown = await pull(name).catch((caught: unknown) => caught);
  if (error instanceof BuildError) return error;
  throw new Error('no BuildError');
}

async function architectures(of: { readonly digest: `sha256:${string}` }) {
  const { manifests } = indexSchema.parse(await harness.read(of.digest));
  return manifests.map(({ platform }) => platform.architecture);
}

function started(): number {
  return harness.events.filter(({ type }) => type === 'started').length;
}

describe('an index', () => {
  it('names an image a platform, each in its own form', async () => {
    const { docker, oci } = await pull('hello');
    for (const form of [oci, docker]) {
      const index = indexSchema.parse(await harness.read(form.digest));
      expect(index.mediaType).toBe(form.mediaType);
      expect(index.manifests).toHaveLength(2);
      for (const { digest, mediaType, platform } of index.manifests) {
        expect(mediaType.includes('docker')).toBe(form === docker);
        const { config } = imageSchema.parse(await harness.read(digest));
        const { architecture } = configSchema.parse(await harness.read(config.digest));
        expect(platform).toEqual({ architecture, os: 'linux' });
      }
    }
    expect(await architectures(oci)).toEqual(['amd64', 'arm64']);
  });

  it('holds the images that the platforms by themselves have', async () => {
    const { digest, record } = await pull('hello');
    const { manifests } = indexSchema.parse(await harness.read(digest));
    for (const [i, name] of ['amd64/hello', 'arm64/hello'].entries()) {
      const image = await harness.builder.image(parseImageName(name, 'latest'));
      expect(manifests[i]?.digest).toBe(image.forms.oci?.digest);
      expect(record.children).toContain(image.forms.docker?.digest);
    }
    expect(started()).toBe(3);
  });

  it('is built once for all who ask, and known after a restart', async () => {
    const pulls = await Promise.all(Array.from({ length: 10 }, () => pull('slow1')));
    expect(new Set(pulls.map(({ digest }) => digest)).size).toBe(1);
    expect(started()).toBe(3);
    await harness.stop();
    harness = await harness.restart();
    expect((await pull('slow1')).digest).toBe(pulls[0]?.digest);
    expect(started()).toBe(0);
  });

  it('has its images built side by side, also where one build at a time may begin', async () => {
    await harness.stop();
    harness = await harness.restart({ maxBuilds: 1 });
    await pull('hello');
    const order = harness.events.map(({ type }) => type);
    expect(order.indexOf('done')).toBeGreaterThan(order.lastIndexOf('started'));
  });

  it('leaves out a platform that none of its packages is for', async () => {
    const { oci } = await pull('onlyamd64');
    expect(await architectures(oci)).toEqual(['amd64']);
  });

  it('is refused where one of several packages is not for a platform', async () => {
    expect(await failure('hello/onlyamd64')).toMatchObject({
      code: 'package-refused',
      details: { problems: [{ name: 'onlyamd64', reason: 'unsupported-system' }] },
    });
  });

  it('is refused where no platform is left', async () => {
    expect((await failure('unsupportedplatform')).code).toBe('package-refused');
  });

  it('fails with whatever fails on one platform, and the failure is remembered', async () => {
    const error = await failure('hello/failing');
    expect(error.code).toBe('build-failed');
    const before = started();
    expect(await failure('hello/failing')).toBe(error);
    expect(started()).toBe(before);
  });
});

describe('what an index holds', () => {
  it('is made again where it is lost: the index, its manifests, configs and layers', async () => {
    const { docker, oci, record } = await pull('hello');
    const blobs = [
      ...[oci, docker].map((form) => form.digest),
      ...(record.children ?? []),
      ...record.layers,
    ];
    expect(new Set(blobs).size).toBeGreaterThan(8);
    for (const blob of blobs) {
      await harness.store.delete(blob);
      expect(await harness.builder.heal(blob)).toBe(true);
      expect(await harness.store.stat(blob)).toMatchObject({ exists: true });
    }
  });

  it('is made again where nothing but the index is known any more', async () => {
    const { record } = await pull('hello');
    for (const { key, record: known } of await harness.cache.listManifests()) {
      if (known.children === undefined) await harness.cache.dropManifest({ key });
    }
    const [layer = record.config] = record.layers;
    await harness.store.delete(layer);
    expect(await harness.builder.heal(layer)).toBe(true);
  });
});

describe('an index of a commit', () => {
  it('is made again from its digest alone, by a server that knows nothing of it', async () => {
    const { digest, record } = await pull('hello');
    for (const lost of [digest, ...(record.children ?? []), ...record.layers]) {
      await harness.store.delete(lost);
    }
    await harness.stop();
    await rm(join(harness.dir, 'state', 'cache.sqlite'), { force: true });
    harness = await harness.restart();
    expect(await harness.cache.findManifest(digest)).toBeNull();
    expect(await harness.builder.heal(digest)).toBe(true);
    expect(await architectures({ digest })).toEqual(['amd64', 'arm64']);
  });

  it('has images of that commit alone, and is the same under another tag of it', async () => {
    const repository = await createPackageRepository(`${harness.dir}/upstream`);
    const commit = await repository.commit(randomUUID());
    repository.git('tag', 'v1');
    await harness.stop();
    harness = await harness.restart({ source: { kind: 'git', url: repository.url } });

    const [main, v1] = await Promise.all([pull('slow0', 'main'), pull('slow0', 'v1')]);
    expect(v1.digest).toBe(main.digest);
    expect(main.record).toMatchObject({ revision: commit, request: { reference: 'main' } });
    expect(v1.record).toMatchObject({ revision: commit, request: { reference: 'v1' } });
  });
});
