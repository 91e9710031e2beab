import {
  BlobError,
  type BlobSource,
  type BlobStatus,
  type BlobStore,
  type ByteRange,
  type Digest,
  type ListedBlob,
  type ListedObject,
  type ObjectName,
  type ObjectPut,
  type OpenBlob,
  type UnfinishedUpload,
  type UnsatisfiableRange,
} from '@nixery/storage';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Seconds: from a file that is there to a large layer that is uploaded. */
const BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120];

type Operation =
  'stat' | 'open' | 'put' | 'url' | 'delete' | 'get-object' | 'put-object' | 'delete-object';

/** A store whose operations are timed and whose failures are counted. A blob that is not there is no failure. */
export class MeasuredStore implements BlobStore {
  readonly #store: BlobStore;
  readonly #durations: Histogram<'operation'>;
  readonly #errors: Counter<'operation' | 'code'>;

  constructor(store: BlobStore, registry: Registry) {
    const registers = [registry];
    this.#store = store;
    this.#durations = new Histogram({
      name: 'nixery_storage_operation_duration_seconds',
      help: 'Operations of the storage; of an opened blob until its first byte can be read.',
      labelNames: ['operation'],
      buckets: BUCKETS,
      registers,
    });
    this.#errors = new Counter({
      name: 'nixery_storage_errors_total',
      help: 'Operations of the storage that failed, by the code of the failure.',
      labelNames: ['operation', 'code'],
      registers,
    });
  }

  stat(digest: Digest): Promise<BlobStatus> {
    return this.#measure('stat', () => this.#store.stat(digest));
  }

  open(digest: Digest): Promise<OpenBlob>;
  open(digest: Digest, range: ByteRange | undefined): Promise<OpenBlob | UnsatisfiableRange>;
  open(digest: Digest, range?: ByteRange): Promise<OpenBlob | UnsatisfiableRange> {
    return this.#measure('open', () => this.#store.open(digest, range));
  }

  put(digest: Digest, source: BlobSource, mediaType: string): Promise<void> {
    return this.#measure('put', () => this.#store.put(digest, source, mediaType));
  }

  url(digest: Digest): Promise<string | null> {
    return this.#measure('url', () => this.#store.url(digest));
  }

  delete(digest: Digest): Promise<void> {
    return this.#measure('delete', () => this.#store.delete(digest));
  }

  list(): AsyncIterable<ListedBlob> {
    return this.#store.list();
  }

  getObject(name: ObjectName): Promise<Uint8Array | null> {
    return this.#measure('get-object', () => this.#store.getObject(name));
  }

  putObjectIfAbsent(name: ObjectName, bytes: Uint8Array): Promise<ObjectPut> {
    return this.#measure('put-object', () => this.#store.putObjectIfAbsent(name, bytes));
  }

  deleteObject(name: ObjectName): Promise<void> {
    return this.#measure('delete-object', () => this.#store.deleteObject(name));
  }

  listObjects(prefix: ObjectName): AsyncIterable<ListedObject> {
    return this.#store.listObjects(prefix);
  }

  listUploads(): AsyncIterable<UnfinishedUpload> {
    return this.#store.listUploads();
  }

  abortUpload(upload: UnfinishedUpload): Promise<void> {
    return this.#store.abortUpload(upload);
  }

  async #measure<T>(operation: Operation, action: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await action();
    } catch (error) {
      const code = error instanceof BlobError ? error.code : 'unknown';
      if (code !== 'not-found') this.#errors.inc({ operation, code });
      throw error;
    } finally {
      this.#durations.observe({ operation }, (performance.now() - begun) / 1000);
    }
  }
}
