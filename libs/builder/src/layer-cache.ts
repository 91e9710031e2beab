import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { CacheClient, Digest, LayerRecord } from '@nixery/cache';
import type { BlobPutter } from '@nixery/storage';

import type { LayerOrigin } from './build.ts';
import { BuildError } from './errors.ts';
import type { Leases } from './leases.ts';
import type { LayerFailure } from './layer/error.ts';
import type { PackedLayer } from './layer/types.ts';
import type { SharedRecords } from './shared-records.ts';
import { SingleFlight } from './single-flight.ts';

/** How long the storage is trusted to still have a layer that it was seen to have (ms). */
const CHECKED_MS = 60 * 60 * 1000;
const MAX_CHECKED = 100_000;

/** A layer that an image needs: what to call it, what is in it, and how to make it where it is missing. */
export interface WantedLayer {
  readonly key: string;
  readonly paths: LayerRecord['paths'];
  readonly pack: (
    spoolFile: string,
  ) => Promise<{ readonly ok: true; readonly layer: PackedLayer } | LayerFailure>;
}

/** What is told of a layer on its way. */
export interface LayerFollower {
  /** It has been compressed, and goes to the storage now; not told of what another image packs. */
  packed(layer: WantedLayer, bytes: number): void;
  /** It is in the storage. */
  stored(layer: WantedLayer, origin: LayerOrigin, record: LayerRecord): void;
}

export interface LayerCacheOptions {
  readonly cache: CacheClient;
  readonly store: BlobPutter;
  /** Keeps the blobs of known layers. */
  readonly leases: Leases;
  /** What other servers have packed; undefined where nothing is shared. */
  readonly shared: SharedRecords | undefined;
  /** Where layers are written before they are stored. */
  readonly spoolDir: string;
}

/** A layer that this server did not know, and how it came by it. */
interface Obtained {
  readonly record: LayerRecord;
  readonly origin: 'known' | 'packed';
}

/**
 * Layers by key: known ones from the cache actor or from other servers, missing ones packed and stored. Two images that
 * miss the same layer at the same time share the packing of it.
 */
export class LayerCache {
  readonly #options: LayerCacheOptions;
  readonly #running = new SingleFlight<Obtained>();
  /** When each layer's blob was last seen in the storage (ms, of a clock that never goes back). */
  readonly #checked = new Map<string, number>();

  constructor(options: LayerCacheOptions) {
    this.#options = options;
  }

  /**
   * The records of all wanted layers, in the same order.
   *
   * @throws BuildError `layer-refused`, `internal`
   */
  async obtain(
    wanted: readonly WantedLayer[],
    follower: LayerFollower,
  ): Promise<readonly LayerRecord[]> {
    const known = await this.#options.cache.getLayers(wanted.map(({ key }) => key));
    const stored = await this.#stored([...known.values()]);
    const records = await Promise.allSettled(
      wanted.map(async (layer) => {
        const record = known.get(layer.key);
        if (record !== undefined && stored.has(record.digest)) {
          follower.stored(layer, 'known', record);
          return record;
        }
        const isShared = this.#running.get(layer.key) !== undefined;
        const obtained = await this.#running.join(layer.key, () =>
          this.#adoptOrPack(layer, follower),
        );
        follower.stored(layer, isShared ? 'shared' : obtained.origin, obtained.record);
        return obtained.record;
      }),
    );
    // All have ended before one failure is told, so that nothing still writes to the spool of a build that is over.
    return records.map((result) => {
      if (result.status === 'fulfilled') return result.value;
      throw result.reason;
    });
  }

  /** Has the storage looked at before any of these is used again. */
  distrust(digests: readonly Digest[]): void {
    for (const digest of digests) this.#checked.delete(digest);
  }

  /** Those of these layers that the storage has; what is not certain is looked at, and held. */
  async #stored(records: readonly LayerRecord[]): Promise<ReadonlySet<Digest>> {
    const now = performance.now();
    const stored = new Set<Digest>();
    const unchecked: LayerRecord[] = [];
    for (const record of records) {
      const checked = this.#checked.get(record.digest);
      if (checked !== undefined && now - checked < CHECKED_MS) stored.add(record.digest);
      else unchecked.push(record);
    }
    const held = await this.#options.leases.hold(unchecked.map(({ digest }) => digest));
    for (const record of unchecked) {
      if (held.get(record.digest) !== record.size) continue;
      stored.add(record.digest);
      this.#seen(record);
    }
    return stored;
  }

  #seen(record: LayerRecord): void {
    this.#checked.delete(record.digest);
    this.#checked.set(record.digest, performance.now());
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > MAX_CHECKED && oldest !== undefined) this.#checked.delete(oldest);
  }

  async #adoptOrPack(layer: WantedLayer, follower: LayerFollower): Promise<Obtained> {
    const { cache, shared } = this.#options;
    // Another image may have packed it since this one asked.
    const known = (await cache.getLayers([layer.key])).get(layer.key);
    if (known !== undefined && (await this.#stored([known])).has(known.digest)) {
      return { record: known, origin: 'known' };
    }
    const adopted = await shared?.findLayer(layer.key);
    if (adopted === undefined || adopted === null) {
      return { record: await this.#packAndStore(layer, follower), origin: 'packed' };
    }
    await cache.putLayer(layer.key, adopted);
    this.#seen(adopted);
    return { record: adopted, origin: 'known' };
  }

  async #packAndStore(layer: WantedLayer, follower: LayerFollower): Promise<LayerRecord> {
    const { cache, leases, shared, spoolDir, store } = this.#options;
    const spoolFile = join(spoolDir, randomUUID());
    try {
      const packed = await layer.pack(spoolFile);
      if (!packed.ok) throw failureOf(packed);
      const { digest, diffId, size, mediaType } = packed.layer;
      follower.packed(layer, size);
      // It may be there, unknown to all caches: then collection may just be looking at it.
      await leases.hold([digest]);
      await store.put(digest, { file: spoolFile, move: true, verified: { size } }, mediaType);
      const packedRecord = { digest, diffId, size, mediaType, paths: layer.paths };
      const record = (await shared?.publishLayer(layer.key, packedRecord)) ?? packedRecord;
      await cache.putLayer(layer.key, record);
      this.#seen(record);
      return record;
    } finally {
      await rm(spoolFile, { force: true });
    }
  }
}

function failureOf(failure: LayerFailure): BuildError {
  switch (failure.code) {
    case 'whiteout':
    case 'unsupported-file':
      return new BuildError('layer-refused', failure.message);
    case 'no-space':
      return new BuildError('internal', 'the disk of the state folder is full', {
        cause: new Error(failure.message),
      });
    case 'changed':
    case 'missing':
    case 'io':
      return new BuildError('internal', 'a layer could not be packed', {
        cause: new Error(failure.message),
      });
  }
}
