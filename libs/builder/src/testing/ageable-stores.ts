import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type BlobStore,
  createFilesystemStore,
  createGcsStore,
  createS3Store,
  type Digest,
} from '@nixery/storage';
import { CREDENTIALS, startGcsServer, startS3Server } from '@nixery/storage/testing';

const BUCKET = 'images';

/** A store whose objects can be made to look old. */
export interface AgeableStore {
  readonly store: BlobStore;
  /** Makes what was put look as if that had been `ageMs` ago. `key`: a digest, or an object's name. */
  age(key: string, ageMs: number): Promise<void>;
  /** Leaves an upload begun `ageMs` ago that never ended; false where nobody is told of such. */
  leaveUpload(ageMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** One of each backend. */
export const AGEABLE_STORES: readonly {
  readonly name: string;
  readonly open: () => Promise<AgeableStore>;
}[] = [
  { name: 'a folder', open: openFolder },
  { name: 'a bucket of Cloud Storage', open: openGcs },
  { name: 'a bucket of S3', open: openS3 },
];

export async function openFolder(): Promise<AgeableStore> {
  const root = await mkdtemp(join(tmpdir(), 'nixery-ageable-'));
  return {
    store: await createFilesystemStore({ root }),
    age: async (key, ageMs) => {
      const time = new Date(Date.now() - ageMs);
      await utimes(join(root, pathOf(key)), time, time);
    },
    leaveUpload: async (ageMs) => {
      const file = join(root, 'tmp', randomUUID());
      const time = new Date(Date.now() - ageMs);
      await writeFile(file, 'half');
      await utimes(file, time, time);
      return true;
    },
    close: () => rm(root, { recursive: true }),
  };
}

async function openGcs(): Promise<AgeableStore> {
  const server = await startGcsServer({ bucket: BUCKET });
  const { endpoint, objects } = server;
  return {
    store: await createGcsStore({ bucket: BUCKET, apiEndpoint: endpoint, authenticate: false }),
    age: async (key, ageMs) => {
      const object = objects.get(pathOf(key));
      if (object === undefined) throw new Error(`there is no ${key}`);
      objects.put({ ...object, updated: new Date(Date.now() - ageMs) });
    },
    leaveUpload: () => Promise.resolve(false),
    close: server.close,
  };
}

async function openS3(): Promise<AgeableStore> {
  const server = await startS3Server({ bucket: BUCKET });
  const { endpoint } = server;
  return {
    store: await createS3Store({ bucket: BUCKET, endpoint, credentials: CREDENTIALS }),
    age: (key, ageMs) => server.age(pathOf(key), new Date(Date.now() - ageMs)),
    leaveUpload: async (ageMs) => {
      server.uploads.begin(`layers/${'0'.repeat(64)}`, randomUUID());
      server.uploads.age(new Date(Date.now() - ageMs));
      return true;
    },
    close: server.close,
  };
}

function pathOf(key: string): string {
  return isBlob(key) ? `layers/${key.slice('sha256:'.length)}` : key;
}

function isBlob(key: string): key is Digest {
  return key.startsWith('sha256:');
}
