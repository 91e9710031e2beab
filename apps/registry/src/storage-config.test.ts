import { describe, expect, it } from 'vitest';

import { readConfig, ConfigError } from './config.ts';
import { readStorage } from './storage-config.ts';

describe('where images are stored', () => {
  it('is a folder, unless told otherwise', () => {
    expect(readStorage({ STORAGE_PATH: '/srv' })).toEqual({
      storage: { backend: 'filesystem', path: '/srv' },
      problems: [],
      warnings: [],
    });
  });

  it.each([
    ['GCS_BUCKET', { GCS_BUCKET: 'images' }],
    ['the older BUCKET', { BUCKET: 'images' }],
    ['GCS_BUCKET rather than BUCKET', { GCS_BUCKET: 'images', BUCKET: 'gs://other' }],
  ])('is a bucket of Cloud Storage, by %s', (_, set) => {
    const reading = readStorage({ NIXERY_STORAGE_BACKEND: 'gcs', ...set });
    expect(reading).toEqual({
      storage: { backend: 'gcs', bucket: 'images', signing: undefined },
      problems: [],
      warnings: [],
    });
  });

  it('may have a key to sign addresses with', () => {
    const { storage } = readStorage({
      NIXERY_STORAGE_BACKEND: 'gcs',
      GCS_BUCKET: 'images',
      GCS_SIGNING_KEY: '/key.pem',
      GCS_SIGNING_ACCOUNT: 'registry@project.iam.gserviceaccount.com',
    });
    expect(storage).toMatchObject({
      signing: { keyFile: '/key.pem', account: 'registry@project.iam.gserviceaccount.com' },
    });
  });

  it('is a bucket of S3', () => {
    const { storage } = readStorage({ NIXERY_STORAGE_BACKEND: 's3', S3_BUCKET: 'images' });
    expect(storage).toEqual({ backend: 's3', bucket: 'images' });
  });

  it.each([
    [{}, 'STORAGE_PATH is not set: name the folder that images are stored in'],
    [
      { GCS_BUCKET: 'images' },
      'STORAGE_PATH is not set: name the folder that images are stored in, or set NIXERY_STORAGE_BACKEND=gcs',
    ],
    [
      { NIXERY_STORAGE_BACKEND: 'gcs' },
      'GCS_BUCKET is not set: name the bucket that images are stored in',
    ],
    [
      { NIXERY_STORAGE_BACKEND: 's3' },
      'S3_BUCKET is not set: name the bucket that images are stored in',
    ],
    [
      { NIXERY_STORAGE_BACKEND: 'gcs', BUCKET: 'gs://images' },
      'BUCKET must be the name of a bucket, without gs:// or s3://',
    ],
    [
      { NIXERY_STORAGE_BACKEND: 'gcs', BUCKET: 'images', GCS_SIGNING_KEY: '/key' },
      'GCS_SIGNING_ACCOUNT is not set: a key and its account go together',
    ],
  ])('cannot be told from %o', (set, problem) => {
    expect(readStorage(set).problems).toEqual([problem]);
  });

  it('is one place: what is set for others is warned of', () => {
    const { warnings } = readStorage({
      NIXERY_STORAGE_BACKEND: 's3',
      S3_BUCKET: 'images',
      STORAGE_PATH: '/srv',
      GCS_BUCKET: 'other',
    });
    expect(warnings).toEqual([
      'STORAGE_PATH is ignored: NIXERY_STORAGE_BACKEND is s3',
      'GCS_BUCKET is ignored: NIXERY_STORAGE_BACKEND is s3',
    ]);
  });

  it('is told with all that is wrong, and no more than once', () => {
    const set = {
      NIXERY_CHANNEL: 'nixos-unstable',
      HOME: '/home/user',
      NIXERY_STORAGE_BACKEND: 'gcs',
      GCS_BUCKET: 'gs://images',
      GCS_SIGNING_ACCOUNT: 'registry',
      NIXERY_BLOBS: 'maybe',
    };
    expect(() => readConfig(set)).toThrow(
      new ConfigError(
        [
          'GCS_BUCKET must be the name of a bucket, without gs:// or s3://',
          'GCS_SIGNING_ACCOUNT must be the e-mail address of a service account',
          'NIXERY_BLOBS must be redirect or proxy',
          'GCS_SIGNING_KEY is not set: a key and its account go together',
        ],
        {
          host: undefined,
          port: 8080,
          storage: undefined,
          stateDir: '/home/user/.local/state/nixery',
          popularityUrl: undefined,
        },
        [],
      ),
    );
  });
});
