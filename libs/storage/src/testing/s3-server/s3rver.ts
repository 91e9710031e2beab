import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { writeWhole, type FileStore } from './whole-files.ts';

interface Options {
  readonly address: string;
  readonly port: number;
  readonly directory: string;
  readonly silent: boolean;
  readonly vhostBuckets: boolean;
  readonly configureBuckets: readonly { readonly name: string }[];
}

interface Instance {
  readonly store: FileStore;
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** The part of s3rver that the tests use; it ships no types. */
const S3rver: new (options: Options) => Instance = require('s3rver');

/** s3rver, whose objects are there whole or not at all. */
export function createS3rver(options: Options): Instance {
  const instance = new S3rver(options);
  writeWhole(instance.store);
  return instance;
}
