/** Images that a server knows without having built them: copies of one that it has, each with a body of its own. */
import {
  type Builder,
  createBuilder,
  DEFAULT_LAYER_BUDGET,
  openStateDir,
  parseImageName,
} from '@nixery/builder';
import { type CacheClient, createCache } from '@nixery/cache';
import { type BlobStore, createFilesystemStore, digestOf, readBlob } from '@nixery/storage';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const PUTS_AT_ONCE = 16;
const MAX_BODY = 4 * 1024 * 1024;
const manifestSchema = z.looseObject({
  mediaType: z.string(),
  layers: z.array(z.looseObject({ digest: z.templateLiteral(['sha256:', z.string()]) })),
});

export interface Copies {
  readonly count: number;
  /** Layers that each has at least: those that the original lacks are made up, and nobody asks for them. */
  readonly layers: number;
}

/** An image of one platform, whose only tag is `latest`. */
export interface AddedImage {
  readonly name: string;
  readonly manifest: Buffer;
}

interface Parts {
  readonly builder: Builder;
  readonly cache: CacheClient;
  readonly store: BlobStore;
}

/**
 * Adds them to a server that is not running.
 *
 * @param folder as for `startNixery`
 * @param original the name of the image to copy, which the server has built
 */
export async function addImages(
  folder: string,
  original: string,
  { count, layers }: Copies,
): Promise<readonly AddedImage[]> {
  const state = await openStateDir(join(folder, 'state'));
  const store = await createFilesystemStore({ root: join(folder, 'storage') });
  const cache = createCache({ file: state.cacheFile });
  const builder = createBuilder({
    source: { kind: 'path', path: join(folder, 'packages') },
    // The server's own, which are part of its keys: with others the original is not found.
    image: {
      allow: { unfree: false, broken: false, insecure: false, unsupportedSystem: false },
      importFromDerivation: false,
      layerBudget: DEFAULT_LAYER_BUDGET,
      compression: { format: 'gzip', level: 4 },
    },
    cache,
    store,
    state,
    env: process.env,
    nixThreads: 1,
    maxBuilds: 1,
    staleMs: 0,
    derivationTimeoutMs: 1,
    buildTimeoutMs: 1,
    onEvent: () => undefined,
    onError: (error) => console.error(error),
  });
  try {
    const names = Array.from({ length: count }, (_, n) => `image-${n}`);
    return await copyImage({ builder, cache, store }, original, names, layers);
  } finally {
    await builder.stop();
    await cache.stop();
    state.release();
  }
}

async function copyImage(
  { builder, cache, store }: Parts,
  original: string,
  names: readonly string[],
  minLayers: number,
): Promise<readonly AddedImage[]> {
  const { record } = await knownImage({ builder, cache }, original);
  const { oci } = record.forms;
  if (oci === undefined) throw new Error(`${original} has no OCI form`);
  const body = Buffer.from(await readBlob(store, oci.digest, MAX_BODY));
  const manifest = manifestSchema.parse(JSON.parse(body.toString('utf8')));

  const lacking = Math.max(0, minLayers - manifest.layers.length);
  const madeUp = Array.from({ length: lacking }, (_, n) => ({
    ...manifest.layers[0],
    digest: digestOf(Buffer.from(`layer ${n}`)),
  }));
  const layers = [...manifest.layers, ...madeUp];
  const layerDigests = layers.map(({ digest }) => digest);
  const copies = names.map((name) => {
    const copy = { ...manifest, layers, annotations: { name } };
    return { name, manifest: Buffer.from(JSON.stringify(copy)) };
  });
  const waiting = copies.values();
  async function copyOnes(): Promise<void> {
    for (const { name, manifest: bytes } of waiting) {
      const digest = digestOf(bytes);
      await store.put(digest, { bytes }, manifest.mediaType);
      const copy = {
        ...record,
        layers: layerDigests,
        request: { ...record.request, name },
        forms: { oci: { digest, size: bytes.length, mediaType: manifest.mediaType } },
      };
      const key = builder.requestKey(parseImageName(name, 'latest'));
      if (!(await cache.putManifest(key, 'moving', copy))) throw new Error('a put failed');
    }
  }
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, copyOnes));
  return copies;
}

/**
 * Gives the same manifests to a docker-registry that is not running: as files, since by its API each image takes a request for
 * each of its layers, of which no manifest that is asked for needs to know.
 * {@link https://github.com/distribution/distribution/blob/v2.8.2/registry/storage/paths.go}
 *
 * @param data its root directory
 */
export async function addToDockerRegistry(
  data: string,
  images: readonly AddedImage[],
): Promise<void> {
  const root = join(data, 'docker/registry/v2');
  for (const { manifest, name } of images) {
    const digest = digestOf(manifest);
    const hex = digest.slice('sha256:'.length);
    const ofImage = join(root, 'repositories', name, '_manifests');
    await writeInto(join(root, 'blobs/sha256', hex.slice(0, 2), hex, 'data'), manifest);
    await writeInto(join(ofImage, 'revisions/sha256', hex, 'link'), digest);
    await writeInto(join(ofImage, 'tags/latest/current/link'), digest);
    await writeInto(join(ofImage, 'tags/latest/index/sha256', hex, 'link'), digest);
  }
}

async function writeInto(file: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function knownImage({ builder, cache }: Pick<Parts, 'builder' | 'cache'>, name: string) {
  const hit = await cache.getManifest(builder.requestKey(parseImageName(name, 'latest')));
  if (hit === null) throw new Error(`${name} is not known`);
  return hit;
}
