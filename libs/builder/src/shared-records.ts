import type { LayerRecord, ManifestRecord } from '@nixery/cache';
import { BlobError, type Digest, type ObjectName, type ObjectStore } from '@nixery/storage';
import type { z } from 'zod';

import type { Leases } from './leases.ts';
import { layerRecordName, revisionRecordName } from './record-names.ts';
import { sharedLayerSchema, sharedManifestSchema } from './record-schemas.ts';

/** Something the second level of the cache could not do. Builds go on without it. */
export interface SharedRecordsEvent {
  readonly type: 'second-level';
  readonly object: ObjectName;
  readonly error: Error;
}

export interface SharedRecordsOptions {
  readonly store: ObjectStore;
  /** Keeps the blobs of what is adopted. */
  readonly leases: Leases;
  readonly onEvent: (event: SharedRecordsEvent) => void;
}

/**
 * The second level of the cache: records as objects in the storage, for all servers that share it. The first to write one
 * wins, and the others adopt what it wrote, so that one image has one digest everywhere. A record counts only while the
 * storage has the blobs it names. A failure here is a miss.
 */
export class SharedRecords {
  readonly #options: SharedRecordsOptions;

  constructor(options: SharedRecordsOptions) {
    this.#options = options;
  }

  /** The image another server has built for this revision key, all of whose blobs are there. */
  async findManifest(key: string, commit: string): Promise<ManifestRecord | null> {
    const found = await this.#find(revisionRecordName(key), sharedManifestSchema);
    if (found === null || found.revision !== commit) return null;
    return (await this.#orFalse(revisionRecordName(key), () => this.#holdsImage(found)))
      ? found
      : null;
  }

  /** The layer another server has packed for this key, whose blob is there. */
  async findLayer(key: string): Promise<LayerRecord | null> {
    const found = await this.#find(layerRecordName(key), sharedLayerSchema);
    if (found === null) return null;
    return (await this.#orFalse(layerRecordName(key), () => this.#holdsLayer(found)))
      ? found
      : null;
  }

  /** Tells the others of an image that is stored. @returns what counts from now on: this record, or an earlier one */
  async publishManifest(key: string, record: ManifestRecord): Promise<ManifestRecord> {
    return await this.#publish(
      revisionRecordName(key),
      record,
      sharedManifestSchema,
      async (theirs) => {
        return theirs.forms.oci?.digest === record.forms.oci?.digest || this.#holdsImage(theirs);
      },
    );
  }

  /** Tells the others of a layer that is stored. @returns what counts from now on: this record, or an earlier one */
  async publishLayer(key: string, record: LayerRecord): Promise<LayerRecord> {
    return await this.#publish(layerRecordName(key), record, sharedLayerSchema, async (theirs) => {
      return theirs.digest === record.digest || this.#holdsLayer(theirs);
    });
  }

  async #find<R>(name: ObjectName, schema: z.ZodType<R>): Promise<R | null> {
    try {
      const bytes = await this.#options.store.getObject(name);
      return bytes && this.#read(name, bytes, schema);
    } catch (error) {
      this.#failed(name, error);
      return null;
    }
  }

  async #publish<R>(
    name: ObjectName,
    record: R,
    schema: z.ZodType<R>,
    isUsable: (theirs: R) => Promise<boolean>,
  ): Promise<R> {
    const { store } = this.#options;
    const bytes = Buffer.from(JSON.stringify(record));
    try {
      const first = await store.putObjectIfAbsent(name, bytes);
      if (first.created) return record;
      const theirs = this.#read(name, first.bytes, schema);
      if (theirs !== null && (await isUsable(theirs))) return theirs;
      // What it names is gone, or it never was a record: nobody can use it, and nothing else would ever replace it.
      await store.deleteObject(name);
      const second = await store.putObjectIfAbsent(name, bytes);
      return second.created ? record : (this.#read(name, second.bytes, schema) ?? record);
    } catch (error) {
      this.#failed(name, error);
      return record;
    }
  }

  #read<R>(name: ObjectName, bytes: Uint8Array, schema: z.ZodType<R>): R | null {
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch (cause) {
      const error = new Error(`${name} is not a record`, { cause });
      this.#options.onEvent({ type: 'second-level', object: name, error });
      return null;
    }
  }

  async #holdsImage({ config, forms, layers }: ManifestRecord): Promise<boolean> {
    const manifests = Object.values(forms);
    const contents = [config, ...layers];
    const held = await this.#hold([...manifests.map(({ digest }) => digest), ...contents]);
    return (
      manifests.every(({ digest, size }) => held.get(digest) === size) &&
      contents.every((digest) => held.has(digest))
    );
  }

  async #holdsLayer({ digest, size }: LayerRecord): Promise<boolean> {
    return (await this.#hold([digest])).get(digest) === size;
  }

  async #hold(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, number>> {
    return await this.#options.leases.hold(digests);
  }

  async #orFalse(name: ObjectName, check: () => Promise<boolean>): Promise<boolean> {
    try {
      return await check();
    } catch (error) {
      this.#failed(name, error);
      return false;
    }
  }

  #failed(object: ObjectName, error: unknown): void {
    if (!(error instanceof BlobError)) throw error;
    this.#options.onEvent({ type: 'second-level', object, error });
  }
}
