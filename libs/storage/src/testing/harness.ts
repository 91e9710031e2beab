import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { digestOf, type Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import type { BlobStore } from '../store.ts';

export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const ABSENT = digestOf(Buffer.from('never stored'));
/** In bytes. */
export const MIB = 1024 * 1024;

/** What {@link Harness.traces} answers for an empty store. */
export const NO_TRACES = { stat: { exists: false }, open: 'not-found', list: [] } as const;

/** A store to test, empty and of its own. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  /** Whether clients can be sent to the backend itself: `url` then answers addresses that serve the blob. */
  readonly redirects: boolean;
  /** Ends the store and what serves it, and removes what it has stored. */
  close(): Promise<void>;
}

/** The store of the running test, and what the contract's tests do with it again and again. */
export interface Harness {
  readonly store: BlobStore;
  readonly redirects: boolean;
  /** A folder for the tests' own files. */
  readonly folder: string;
  /** Writes bytes into a fresh file, and returns its path. */
  spool(bytes: Uint8Array): Promise<string>;
  putBytes(bytes: Uint8Array): Promise<Digest>;
  /** What each way of looking for a blob finds, in a store that should hold nothing; see {@link NO_TRACES}. */
  traces(digest: Digest): Promise<unknown>;
}

/** Gives each test of the enclosing `describe` a fresh store. */
export function useStore(makeStore: () => Promise<StoreUnderTest>): Harness {
  let underTest: StoreUnderTest | undefined;
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-contract-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    underTest = await makeStore();
  });
  afterEach(() => underTest?.close());

  function current(): StoreUnderTest {
    if (underTest === undefined) throw new Error('There is a store only while a test runs');
    return underTest;
  }

  return {
    get store() {
      return current().store;
    },
    get redirects() {
      return current().redirects;
    },
    get folder() {
      return folder;
    },
    async spool(bytes) {
      const file = join(folder, randomBytes(8).toString('hex'));
      await writeFile(file, bytes);
      return file;
    },
    async putBytes(bytes) {
      const digest = digestOf(bytes);
      await current().store.put(digest, { bytes }, MANIFEST_TYPE);
      return digest;
    },
    async traces(digest) {
      const { store } = current();
      return {
        stat: await store.stat(digest),
        open: await store.open(digest).then(
          () => 'opened',
          (error: unknown) => (error instanceof BlobError ? error.code : error),
        ),
        list: await collect(store.list()),
      };
    },
  };
}

/** Everything that an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
