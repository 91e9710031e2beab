import type { Readable } from 'node:stream';
import type { Digest } from './digest.ts';
import type { ObjectName } from './object-name.ts';
import type { ByteRange, ByteSpan } from './range.ts';

/**
 * Blobs by digest and small objects by name, over one backend.
 *
 * What every backend promises (`testing/contract.ts` checks it):
 * - A blob or object is there whole or not at all, for every reader of every process that shares the backend, also
 *   while it is written, and after a crash at any point. What a call has acknowledged survives a crash.
 * - Every method may reject with a {@link BlobError} `unavailable` or `denied`; those that write also with `full`. A
 *   digest or name that is malformed is `invalid`. After an error nothing half-written stays, and the store works
 *   again as soon as its backend does.
 */
export interface BlobStore
  extends
    BlobStatter,
    BlobOpener,
    BlobPutter,
    BlobLinker,
    BlobDeleter,
    BlobLister,
    ObjectStore,
    UploadKeeper {}

export type BlobStatus =
  | {
      readonly exists: true;
      /** In bytes. */
      readonly size: number;
      /** When the blob was last put. */
      readonly modifiedAt: Date;
    }
  | { readonly exists: false };

export interface BlobStatter {
  /** Whether a blob is there, and its size. Content is not read. */
  stat(digest: Digest): Promise<BlobStatus>;
}

/**
 * An opened blob. Its `body` must be consumed to the end or destroyed. `stream.pipeline` does either, unless it throws
 * because its destination (a client's connection) is closed already.
 */
export interface OpenBlob {
  readonly satisfiable: true;
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /** What `body` yields: all of the blob, or the resolved range. */
  readonly span: ByteSpan;
  /**
   * Exactly the bytes of `span`, read only as fast as they are consumed. Fails with a BlobError rather than ending
   * early, so that a client never takes a short body for a whole one.
   */
  readonly body: Readable;
  /**
   * Only where the blob is a local file: it, for a server that sends `span` by itself, in place of `body`. To be used until
   * `body` is destroyed, which the server then has to do, after its last use of it is over.
   */
  readonly file?: OpenFile;
}

/** An open file that holds a whole blob. */
export interface OpenFile {
  /** Its file descriptor, for what reads at a position that it is told. */
  readonly fd: number;
  /**
   * Reads from `position` of it on into `buffer`.
   *
   * @returns how many bytes; at least one
   * @throws BlobError, also where the file ends before
   */
  readonly read: (buffer: Uint8Array, position: number) => Promise<number>;
}

/** The blob is there, but the range lies beyond it. */
export interface UnsatisfiableRange {
  readonly satisfiable: false;
  /** Of the whole blob, in bytes; what a 416 answer has to state (RFC 9110, section 15.5.17). */
  readonly size: number;
}

export interface BlobOpener {
  /** @throws BlobError `not-found`. */
  open(digest: Digest): Promise<OpenBlob>;
  /** @throws BlobError `not-found`; `invalid` if the range makes no sense whatever the size. */
  open(digest: Digest, range: ByteRange | undefined): Promise<OpenBlob | UnsatisfiableRange>;
}

/** Content in a file that nobody changes while it is put. */
export interface FileSource {
  /** The file's path. */
  readonly file: string;
  /**
   * Hands the file over: it is gone once `put` resolves, and untouched if `put` rejects. A file on the store's own
   * filesystem is then renamed instead of copied. Without it the file is only read.
   */
  readonly move?: boolean;
  /**
   * The caller's statement that it hashed this file's content itself while writing it, and got the digest over `size`
   * bytes. The store may then check the file's size only. Hashing costs a second per 900 MB on the event loop, and
   * tells nothing new about bytes that a packer hashed on their way into the file. Left out, content is hashed.
   */
  readonly verified?: { readonly size: number };
}

/** What to store: a file, or bytes already in memory (manifests, configs; layers belong in files). */
export type BlobSource = FileSource | { readonly bytes: Uint8Array };

export interface BlobPutter {
  /**
   * Stores content under its digest, durably. Putting what is there already succeeds, and mends a stored copy that was
   * damaged, where the backend does not vouch for what it stores.
   *
   * @param mediaType - recorded by backends that answer clients themselves.
   * @throws BlobError `corrupt` if the content does not have this digest; `invalid` if the source is no readable file.
   */
  put(digest: Digest, source: BlobSource, mediaType: string): Promise<void>;
}

export interface BlobLinker {
  /** Where clients can GET the blob from the backend itself (HEAD may be refused); null if they cannot. Existence is not checked. */
  url(digest: Digest): Promise<string | null>;
}

export interface BlobDeleter {
  /** Removes a blob; one that is not there is no error. Readers that have it open may finish. */
  delete(digest: Digest): Promise<void>;
}

export interface ListedBlob {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** When the blob was last put. */
  readonly modifiedAt: Date;
}

export interface BlobLister {
  /** All blobs in no particular order. Those put or deleted meanwhile may or may not appear. */
  list(): AsyncIterable<ListedBlob>;
}

export interface ListedObject {
  readonly name: ObjectName;
  /** In bytes. */
  readonly size: number;
  readonly modifiedAt: Date;
}

export type ObjectPut =
  { readonly created: true } | { readonly created: false; readonly bytes: Uint8Array };

/** Small objects (at most {@link OBJECT_MAX_BYTES}) that replicas share: the second level of the cache. */
export interface ObjectStore {
  /**
   * An object's content, or null if there is none.
   *
   * @throws BlobError `corrupt` if it is larger than any that this library writes.
   */
  getObject(name: ObjectName): Promise<Uint8Array | null>;
  /**
   * Stores an object unless there is one: the first writer wins, the others get what it wrote.
   *
   * @throws BlobError `invalid` if `bytes` is too long.
   */
  putObjectIfAbsent(name: ObjectName, bytes: Uint8Array): Promise<ObjectPut>;
  /** Removes an object; one that is not there is no error. */
  deleteObject(name: ObjectName): Promise<void>;
  /** The objects whose names begin with `prefix` (`manifests/`, `builds/v1.`), in no particular order. */
  listObjects(prefix: ObjectName): AsyncIterable<ListedObject>;
}

/** An upload that was begun and has not ended: one that is under way, or what a writer that was killed has left. */
export interface UnfinishedUpload {
  /** What it would be stored as, or where its bytes lie: `layers/…`, `tmp/…`. */
  readonly name: string;
  /** Tells it from other uploads of the same name. */
  readonly id: string;
  /** What of it is stored so far, in bytes; null where the backend does not tell. */
  readonly size: number | null;
  /** When it was begun, or last written to. */
  readonly startedAt: Date;
}

/** What is half stored. It is no blob and no object, and takes space all the same. */
export interface UploadKeeper {
  /**
   * The uploads that have not ended, those of other servers included. Cloud Storage names none: it forgets them after a
   * week, and they cost nothing until then.
   *
   * @throws BlobError `denied` or `invalid` where the backend does not tell, for want of permission or of the ability.
   */
  listUploads(): AsyncIterable<UnfinishedUpload>;
  /** Ends an upload and removes what is stored of it; one that has ended is no error. */
  abortUpload(upload: UnfinishedUpload): Promise<void>;
}
