import type { Readable } from 'node:stream';
import type { ByteRange, ByteSpan } from '../range.ts';
import type { UnfinishedUpload } from '../store.ts';
import type { Content } from './content.ts';

/** An object as its bucket describes it. */
export interface StoredObject {
  /** In bytes. */
  readonly size: number;
  readonly modifiedAt: Date;
  /** Tells this object from an earlier or later one under the same key (a generation, an ETag). */
  readonly version: string;
}

export interface ListedKey extends StoredObject {
  readonly key: string;
}

export interface Page {
  readonly objects: readonly ListedKey[];
  /** Leads to the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export interface UploadPage {
  /** Named by their keys. */
  readonly uploads: readonly UnfinishedUpload[];
  /** Leads to the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** The answer to a read: the stream of `span`, or that the range lies beyond the object, or that there is none. */
export type Opened =
  | {
      readonly found: true;
      readonly satisfiable: true;
      /** Of the whole object, in bytes. */
      readonly size: number;
      readonly version: string;
      readonly span: ByteSpan;
      readonly body: Readable;
      /** Whether these are the object's bytes, as far as the bucket's own checksums tell. */
      readonly matches: (bytes: Uint8Array) => boolean;
    }
  | { readonly found: true; readonly satisfiable: false }
  | { readonly found: false };

export interface Creation {
  readonly mediaType: string;
  /** The damaged object to replace; without it, none may be there. */
  readonly replaces?: StoredObject | undefined;
}

/**
 * What a store needs of a bucket. Each method makes one attempt (uploads in pieces may repeat a piece) and ends when
 * `signal` aborts. Rejects with a BlobError: `unavailable` if a later attempt may succeed.
 */
export interface Bucket {
  /** For messages: `gs://name`, `s3://name`. */
  readonly name: string;
  stat(key: string, signal: AbortSignal): Promise<StoredObject | null>;
  /**
   * Opens an object, or a range of it.
   *
   * @param version - which object has to be there; any if undefined.
   */
  open(
    key: string,
    range: ByteRange | undefined,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<Opened>;
  /** Creates an object, whole or not at all; false if there is another one under the key. */
  create(key: string, content: Content, creation: Creation, signal: AbortSignal): Promise<boolean>;
  /** Makes an object's `modifiedAt` now, if it is still this one. */
  touch(key: string, object: StoredObject, mediaType: string, signal: AbortSignal): Promise<void>;
  /** Removes an object, if there is one. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  list(prefix: string, page: string | undefined, signal: AbortSignal): Promise<Page>;
  /** Uploads of objects whose keys begin with `prefix` that have not ended. */
  listUploads(prefix: string, page: string | undefined, signal: AbortSignal): Promise<UploadPage>;
  /** Ends an upload, if there is still one. */
  abortUpload(upload: UnfinishedUpload, signal: AbortSignal): Promise<void>;
  /** An address at which anybody can GET the object for some minutes. */
  url(key: string): Promise<string>;
}
