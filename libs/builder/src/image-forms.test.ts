import { randomUUID } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import type { Digest, ManifestRecord } from '@nixery/cache';
import { readBlob } from '@nixery/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import type { ImageOptions } from './image-builder.ts';
import { parseImageName } from './image-name.ts';
import { MEDIA_TYPES, type ManifestForm } from './image/media-types.ts';
import { DEFAULT_LAYER_BUDGET } from './layer/plan.ts';
import { createHarness, type Harness } from './testing/harness.ts';

const image: ImageOptions = {
  allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
  importFromDerivation: false,
  layerBudget: DEFAULT_LAYER_BUDGET,
  compression: { format: 'zstd', level: 1 },
};
const digest = z.templateLiteral(['sha256:', z.string()]);
const manifestSchema = z.object({
  layers: z.array(z.object({ digest, size: z.number(), mediaType: z.string() })).min(2),
});

let server: Harness;
beforeEach(async () => {
  server = await createHarness({ image }, randomUUID());
});
afterEach(async () => {
  await server.stop();
  await server.remove();
});

async function pull(name: string, form: ManifestForm): Promise<ManifestRecord> {
  return await server.builder.image(parseImageName(name, 'latest'), form);
}

async function layersOf(record: ManifestRecord, form: ManifestForm) {
  const manifest = record.forms[form];
  if (manifest === undefined) throw new Error(`no ${form} form`);
  return manifestSchema.parse(await server.read(manifest.digest)).layers;
}

async function content(layer: Digest, decompress: (bytes: Uint8Array) => Buffer): Promise<Buffer> {
  return decompress(await readBlob(server.store, layer, 64 * 1024 * 1024));
}

function packed(): readonly number[] {
  const done = server.events.filter((event) => event.type === 'done');
  return done.map(({ build }) => build.layers.packed);
}

describe('with zstd chosen, an image', () => {
  it('has zstd layers in its OCI form, and is not packed for Docker until somebody asks', async () => {
    const record = await pull('hello', 'oci');
    expect(Object.keys(record.forms)).toEqual(['oci']);
    const layers = await layersOf(record, 'oci');
    expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set([MEDIA_TYPES.oci.layer.zstd]),
    );
    expect(packed()).toEqual([layers.length]);
  });

  it('has gzipped layers of the same files for who knows Docker’s form only', async () => {
    const oci = await layersOf(await pull('hello', 'oci'), 'oci');
    const docker = await layersOf(await pull('hello', 'docker'), 'docker');
    expect(docker).toHaveLength(oci.length);
    for (const [i, layer] of docker.entries()) {
      const other = oci[i] ?? layer;
      expect(layer.mediaType).toBe(MEDIA_TYPES.docker.layer.gzip);
      const unpacked = await content(layer.digest, gunzipSync);
      expect(unpacked.equals(await content(other.digest, zstdDecompressSync))).toBe(true);
    }
  });

  it('is known in each form after a restart', async () => {
    const records = [await pull('hello', 'oci'), await pull('hello', 'docker')];
    await server.stop();
    server = await server.restart();
    expect([await pull('hello', 'oci'), await pull('hello', 'docker')]).toEqual(records);
    expect(packed()).toEqual([]);
  });

  it.each(['oci', 'docker'] as const)('is made again as it was, in its %s form', async (form) => {
    const record = await pull('slow0/hello', form);
    const blobs = [record.forms[form]?.digest ?? record.config, record.config, ...record.layers];
    for (const blob of blobs) await server.store.delete(blob);
    for (const blob of blobs) expect(await server.builder.heal(blob)).toBe(true);
    expect(await pull('slow0/hello', form)).toEqual(record);
  });

  it('is packed anew at another level, and has another digest', async () => {
    const before = await pull('hello', 'oci');
    await server.stop();
    server = await server.restart({
      image: { ...image, compression: { format: 'zstd', level: 19 } },
    });
    const after = await pull('hello', 'oci');
    expect(after.forms.oci?.digest).not.toBe(before.forms.oci?.digest);
    expect(packed()).toEqual([after.layers.length]);
  });
});

describe('counts of how popular packages are', () => {
  /** Counts under which every small path has a popularity of its own. */
  const popularity = {
    digest: `sha256:${'1'.repeat(64)}`,
    get: (name: string) => 4 ** (name.length % 20),
  } as const;

  it('change the layers of an image, which is known under its own key', async () => {
    const without = await pull('shell/sharesa/sharesb', 'oci');
    await server.stop();
    server = await server.restart({ image: { ...image, popularity } });
    const counted = await pull('shell/sharesa/sharesb', 'oci');
    expect(counted.layers).not.toEqual(without.layers);
    expect(counted.forms.oci?.digest).not.toBe(without.forms.oci?.digest);

    await server.stop();
    server = await server.restart({ image });
    expect(await pull('shell/sharesa/sharesb', 'oci')).toEqual(without);
    expect(packed()).toEqual([]);
  });

  it('of another digest make another key, even where the layers come out the same', async () => {
    await server.stop();
    server = await server.restart({ image: { ...image, popularity } });
    const before = await pull('hello', 'oci');
    await server.stop();
    const other = { ...popularity, digest: `sha256:${'2'.repeat(64)}` } as const;
    server = await server.restart({ image: { ...image, popularity: other } });
    expect(await pull('hello', 'oci')).toEqual({ ...before, builtAt: expect.any(Number) });
    expect(packed()).toEqual([0]);
  });
});
