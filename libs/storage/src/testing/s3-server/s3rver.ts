import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

interface Options {
  readonly address: string;
  readonly port: number;
  readonly directory: string;
  readonly silent: boolean;
  readonly vhostBuckets: boolean;
  readonly configureBuckets: readonly { readonly name: string }[];
}

interface Instance {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** The part of s3rver that the tests use; it ships no types. */
export const S3rver: new (options: Options) => Instance = require('s3rver');
