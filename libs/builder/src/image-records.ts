import type { ManifestRecord } from '@nixery/cache';
import { BlobError, type Digest, type ObjectName, type ObjectStore } from '@nixery/storage';

import { imageRecordName } from './record-names.ts';
import { imageRecordSchema } from './record-schemas.ts';
import type { SharedRecordsEvent } from './shared-records.ts';

export interface ImageRecordsOptions {
  readonly store: ObjectStore;
  readonly onEvent: (event: SharedRecordsEvent) => void;
}

/**
 * What each manifest was built from, by its digest, as objects in the storage. They outlive the image: a client that has
 * pinned a digest gets it rebuilt after its blobs were collected, also from a server that never saw it.
 */
export class ImageRecords {
  readonly #options: ImageRecordsOptions;

  constructor(options: ImageRecordsOptions) {
    this.#options = options;
  }

  /** Notes an image under the digests of all its manifests. A failure is told, and costs only what this is for. */
  async keep(record: ManifestRecord): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(record));
    await Promise.all(
      Object.values(record.forms).map(async ({ digest }) => {
        const name = imageRecordName(digest);
        await this.#attempt(name, () => this.#options.store.putObjectIfAbsent(name, bytes));
      }),
    );
  }

  /** The image that this digest is a manifest of. */
  async find(digest: Digest): Promise<ManifestRecord | null> {
    const name = imageRecordName(digest);
    const bytes = await this.#attempt(name, () => this.#options.store.getObject(name));
    if (bytes === null || bytes === undefined) return null;
    return parseImageRecord(bytes);
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

function parseImageRecord(bytes: Uint8Array): ManifestRecord | null {
  try {
    return imageRecordSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
