import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import {
  BUCKET_KINDS,
  type BucketPeer,
  startBucketPeer,
  startGcsServer,
  startS3Server,
} from '@nixery/storage/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bucketSettings } from './buckets.ts';
import { startRegistry } from './server.ts';

const EX_TEMPFAIL = 75;
const EX_CONFIG = 78;

let dir: string;
let packages: string;
let peer: BucketPeer;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'nixery-refused-'));
  packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: 'refused' });
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** What the server prints instead of starting, and its exit code. */
async function refusal(
  env: Readonly<Record<string, string | undefined>>,
  own = dir,
): Promise<string> {
  try {
    const server = await startRegistry(own, { NIXERY_PKGS_PATH: packages, ...env });
    await server.stop();
    return 'started';
  } catch (error) {
    return String(error);
  }
}

describe.each(BUCKET_KINDS)(
  'a server that is to store in a bucket (%s) ends with a clear message',
  (kind) => {
    beforeEach(async () => {
      peer = await startBucketPeer(kind);
    });
    afterEach(() => peer.close());

    test('where there is no such bucket, and tells what else is wrong', async () => {
      const bucket = kind === 'gcs' ? { GCS_BUCKET: 'missing' } : { S3_BUCKET: 'missing' };
      const settings = { ...bucketSettings(peer), ...bucket };
      const alone = await refusal(settings);
      expect(alone).toContain(`ended (${EX_CONFIG})`);
      expect(alone).toMatch(/nixery: There is no bucket missing .*create it, or correct its name/);
      expect(alone).not.toMatch(/\n\s+at /);
      const both = await refusal({ ...settings, NIXERY_BLOBS: 'maybe' });
      expect(both).toContain(`ended (${EX_CONFIG})`);
      expect(both).toContain('There is no bucket missing');
      expect(both).toContain('NIXERY_BLOBS must be redirect or proxy');
    });
  },
);

test('a server whose bucket’s service cannot be reached ends with a code that says to try again', async () => {
  // At the same time: each tries for a while.
  const refusals = await Promise.all(
    BUCKET_KINDS.map(async (kind) => {
      const unreached = await startBucketPeer(kind);
      const settings = bucketSettings(unreached, 'http://127.0.0.1:1');
      const refused = await refusal(settings, path.join(dir, kind));
      await unreached.close();
      return refused;
    }),
  );
  expect(refusals).toEqual(
    BUCKET_KINDS.map(() => expect.stringContaining(`ended (${EX_TEMPFAIL})`)),
  );
});

test('a bucket of Cloud Storage without permissions is refused, naming them and the role that has them', async () => {
  const permissions = ['storage.objects.get', 'storage.objects.list'];
  const server = await startGcsServer({ bucket: 'images', permissions });
  const refused = await refusal({
    NIXERY_STORAGE_BACKEND: 'gcs',
    GCS_BUCKET: 'images',
    STORAGE_EMULATOR_HOST: server.endpoint,
  });
  await server.close();
  expect(refused).toContain(`ended (${EX_CONFIG})`);
  expect(refused).toMatch(/lack storage.objects.create, .*roles\/storage.objectUser/);
});

test('credentials for Cloud Storage that are not there are asked for', async () => {
  const refused = await refusal({
    NIXERY_STORAGE_BACKEND: 'gcs',
    GCS_BUCKET: 'images',
    GOOGLE_APPLICATION_CREDENTIALS: path.join(dir, 'missing.json'),
  });
  expect(refused).toContain(`ended (${EX_CONFIG})`);
  expect(refused).toMatch(/Cannot get credentials for Cloud Storage: .*missing\.json/);
});

test('a bucket of S3 without permissions is refused, naming the one that is missing', async () => {
  const server = await startS3Server({
    bucket: 'images',
    isDenied: (method) => method === 'DELETE',
  });
  const refused = await refusal({
    NIXERY_STORAGE_BACKEND: 's3',
    S3_BUCKET: 'images',
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
  });
  await server.close();
  expect(refused).toContain(`ended (${EX_CONFIG})`);
  expect(refused).toContain('allow these credentials s3:DeleteObject on it');
});

test('credentials for S3 that are not there are asked for', async () => {
  const server = await startS3Server({ bucket: 'images' });
  const refused = await refusal({
    NIXERY_STORAGE_BACKEND: 's3',
    S3_BUCKET: 'images',
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  await server.close();
  expect(refused).toContain(`ended (${EX_CONFIG})`);
  expect(refused).toContain('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
});
