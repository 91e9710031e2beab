import { createCache, type ManifestEntry } from '@nixery/cache';
import { type BlobStore, createFilesystemStore, type Digest } from '@nixery/storage';

import { sharedLayerSchema, sharedManifestSchema } from '../record-schemas.ts';
import { openStateDir } from '../state-dir.ts';

/** What a server that has ended remembers, and whether it is true. */
export interface ServerInspection {
  readonly images: readonly ManifestEntry[];
  /** Keys of layers that the cache knows, of those that the storage's shared records name. */
  readonly layers: number;
  /** Entries and shared records that name a blob which is not in the storage, or has another size. */
  readonly untrue: readonly string[];
}

/**
 * Opens what a server left behind as its next start would, and holds it against its storage.
 *
 * @param dirs the server's folders; no server may be using the state folder
 */
export async function inspectServer(dirs: {
  readonly state: string;
  readonly storage: string;
}): Promise<ServerInspection> {
  const state = await openStateDir(dirs.state);
  // A disk that is busy with other tests is no fault of the server's.
  const cache = createCache({ file: state.cacheFile, askTimeoutMs: 120_000 });
  try {
    const store = await createFilesystemStore({ root: dirs.storage });
    const untrue: string[] = [];
    async function check(what: string, digest: Digest, size?: number): Promise<void> {
      const status = await store.stat(digest);
      const holds = status.exists && (size === undefined || status.size === size);
      if (!holds) untrue.push(`${what}: ${digest}`);
    }

    const images: ManifestEntry[] = [];
    for (;;) {
      const last = images.at(-1);
      const page = await cache.listManifests({
        limit: 1000,
        ...(last && {
          after: {
            name: last.record.request.name,
            reference: last.record.request.reference,
            key: last.key,
          },
        }),
      });
      if (page.length === 0) break;
      images.push(...page);
    }
    for (const { key, record } of images) {
      for (const form of Object.values(record.forms)) await check(key, form.digest, form.size);
      for (const digest of [record.config, ...record.layers]) await check(key, digest);
    }

    for (const { name, bytes } of await sharedObjects(store, 'manifests/')) {
      const { forms, config, layers } = sharedManifestSchema.parse(parse(bytes));
      for (const form of Object.values(forms)) await check(name, form.digest, form.size);
      for (const digest of [config, ...layers]) await check(name, digest);
    }
    // A layer is told to the others before the cache knows it, so these are all the keys there can be.
    const shared = await sharedObjects(store, 'builds/');
    for (const { name, bytes } of shared) {
      const { digest, size } = sharedLayerSchema.parse(parse(bytes));
      await check(name, digest, size);
    }
    const keys = shared.map(({ name }) => name.replace('builds/v1.', ''));
    const known = await cache.getLayers(keys);
    for (const [key, { digest, size }] of known) await check(`layer ${key}`, digest, size);
    return { images, layers: known.size, untrue };
  } finally {
    await cache.stop();
    state.release();
  }
}

async function sharedObjects(
  store: BlobStore,
  folder: 'manifests/' | 'builds/',
): Promise<readonly { readonly name: string; readonly bytes: Uint8Array }[]> {
  const objects: { name: string; bytes: Uint8Array }[] = [];
  for await (const { name } of store.listObjects(folder)) {
    const bytes = await store.getObject(name);
    if (bytes !== null) objects.push({ name, bytes });
  }
  return objects;
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
