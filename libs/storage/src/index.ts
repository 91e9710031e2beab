export type { Tuning } from './bucket/tuning.ts';
export { digestOf, hexOf, isDigest, type Digest } from './digest.ts';
export { BlobError, type BlobErrorCode } from './error.ts';
export { makeFolder } from './filesystem/make-folder.ts';
export { openFilesystemReader, type BlobReader } from './filesystem/reader.ts';
export { createFilesystemStore, type FilesystemStoreOptions } from './filesystem/store.ts';
export type { SigningKey } from './gcs/sign.ts';
export { createGcsStore, type GcsStoreOptions } from './gcs/store.ts';
export { OBJECT_MAX_BYTES, type ObjectFolder, type ObjectName } from './object-name.ts';
export { type ByteRange, type ByteSpan } from './range.ts';
export { readBlob } from './read-blob.ts';
export type { S3ClientOptions } from './s3/client.ts';
export { createS3Store, type S3StoreOptions } from './s3/store.ts';
export type {
  BlobDeleter,
  BlobLinker,
  BlobLister,
  BlobOpener,
  BlobPutter,
  BlobSource,
  BlobStatter,
  BlobStatus,
  BlobStore,
  FileSource,
  ListedBlob,
  ListedObject,
  ObjectPut,
  ObjectStore,
  OpenBlob,
  OpenFile,
  UnfinishedUpload,
  UnsatisfiableRange,
  UploadKeeper,
} from './store.ts';
