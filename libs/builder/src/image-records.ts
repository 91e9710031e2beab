import type { ManifestRecord } from '@nixery/cache';
import {
  BlobError,
  type Digest,
  isDigest,
  type ObjectName,
  type ObjectStore,
} from '@nixery/storage';

import { contentRecordName, imageRecordName } from './record-names.ts';
import { imageRecordSchema } from './record-schemas.ts';
import type { SharedRecordsEvent } from './shared-records.ts';

export interface ImageRecordsOptions {
  readonly store: ObjectStore;
  readonly onEvent: (event: SharedRecordsEvent) => void;
}

/**
 * What each manifest was built from, by its digest, and which manifest each blob was made for, as objects in the storage. They
 * outlive the image: a client that has pinned a digest gets it rebuilt after its blobs were collected, also from a server that
 * never saw it.
 */
export class ImageRecords {
  readonly #options: ImageRecordsOptions;

  constructor(options: ImageRecordsOptions) {
    this.#options = options;
  }

  /**
   * Notes an image under the digests of all its manifests, and under those of what was made for it. A failure is told, and
   * costs only what this is for.
   */
  async keep(record: ManifestRecord, made: readonly Digest[] = []): Promise<void> {
    const manifests = Object.values(record.forms).map(({ digest }) => digest);
    const [first] = manifests;
    const image = Buffer.from(JSON.stringify(record));
    await Promise.all([
      ...manifests.map((digest) => this.#put(imageRecordName(digest), image)),
      ...made.map((digest) => this.#put(contentRecordName(digest), Buffer.from(first ?? ''))),
    ]);
  }

  /** The image that this digest is a manifest of, or one that it was made for. */
  async find(digest: Digest): Promise<ManifestRecord | null> {
    const image = await this.#get(imageRecordName(digest));
    if (image !== null) return parseImageRecord(image);
    const manifest = (await this.#get(contentRecordName(digest)))?.toString('latin1') ?? '';
    if (!isDigest(manifest)) return null;
    const record = parseImageRecord(await this.#get(imageRecordName(manifest)));
    return record !== null && [record.config, ...record.layers].includes(digest) ? record : null;
  }

  async #get(name: ObjectName): Promise<Buffer | null> {
    const bytes = await this.#attempt(name, () => this.#options.store.getObject(name));
    return bytes === null || bytes === undefined ? null : Buffer.from(bytes);
  }

  async #put(name: ObjectName, bytes: Uint8Array): Promise<void> {
    await this.#attempt(name, () => this.#options.store.putObjectIfAbsent(name, bytes));
  }

  async #attempt<T>(object: ObjectName, action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof BlobError)) throw error;
      this.#options.onEvent({ type: 'second-level', object, error });
      return undefined;
    }
  }
}

function parseImageRecord(bytes: Buffer | null): ManifestRecord | null {
  if (bytes === null) return null;
  try {
    return imageRecordSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}
