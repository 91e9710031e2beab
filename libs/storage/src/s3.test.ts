import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from './digest.ts';
import { readBlob } from './read-blob.ts';
import { createS3Store, type S3StoreOptions } from './s3/store.ts';
import type { BlobStore } from './store.ts';
import { describeBlobStore } from './testing/contract.ts';
import { LAYER_TYPE, MANIFEST_TYPE, MIB, collect } from './testing/harness.ts';
import { startS3Server, type S3Server, type S3ServerOptions } from './testing/s3-server/server.ts';
import { CREDENTIALS } from './testing/s3-server/signature.ts';

const BUCKET = 'images';

describeBlobStore('a bucket of S3', async () => {
  const server = await startS3Server({ bucket: BUCKET });
  const { endpoint } = server;
  return {
    store: await createS3Store({ bucket: BUCKET, endpoint, credentials: CREDENTIALS }),
    redirects: true,
    close: server.close,
  };
});

describeBlobStore('a bucket of a server without conditional writes', async () => {
  const server = await startS3Server({ bucket: BUCKET, conditionalWrites: false });
  const { endpoint } = server;
  return {
    store: await createS3Store({ bucket: BUCKET, endpoint, credentials: CREDENTIALS }),
    redirects: true,
    close: server.close,
  };
});

describe('the S3 store', () => {
  let folder: string;
  let server: S3Server;

  async function start(options: Partial<S3ServerOptions> = {}): Promise<void> {
    server = await startS3Server({
      bucket: BUCKET,
      ...options,
    });
  }

  function open(options: Partial<S3StoreOptions> = {}): Promise<BlobStore> {
    const { endpoint } = server;
    const tuning = { firstDelayMs: 10, partBytes: 5 * MIB };
    return createS3Store({
      bucket: BUCKET,
      endpoint,
      credentials: CREDENTIALS,
      tuning,
      ...options,
    });
  }

  /** A client of the bucket's owner. */
  function client(): S3Client {
    return new S3Client({
      region: 'us-east-1',
      endpoint: server.endpoint,
      credentials: CREDENTIALS,
      forcePathStyle: true,
    });
  }

  /** Begins uploads in parts, one part of each. */
  async function beginUploads(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const key = { Bucket: BUCKET, Key: `layers/${'0'.repeat(63)}${index % 2}` };
      const { UploadId } = await client().send(new CreateMultipartUploadCommand(key));
      const part = { ...key, UploadId, PartNumber: 1, Body: randomBytes(100) };
      await client().send(new UploadPartCommand(part));
    }
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 's3-test-'));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("takes its settings from the AWS SDK's variables", async () => {
    await start();
    vi.stubEnv('AWS_ACCESS_KEY_ID', CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', CREDENTIALS.secretAccessKey);
    vi.stubEnv('AWS_REGION', 'eu-north-1');
    vi.stubEnv('AWS_ENDPOINT_URL_S3', server.endpoint);
    const store = await createS3Store({ bucket: BUCKET });
    const url = new URL((await store.url(digestOf(Buffer.from('x')))) ?? '');
    expect(url.origin).toBe(server.endpoint);
    expect(url.pathname).toMatch(new RegExp(`^/${BUCKET}/layers/`));
    expect(url.searchParams.get('X-Amz-Credential')).toContain('/eu-north-1/s3/');
  });

  describe('says at start what is wrong', () => {
    test.each([
      { denied: 'HEAD', path: /^\/images\/?$/, action: 's3:ListBucket' },
      { denied: 'PUT', path: /nixery-check/, action: 's3:PutObject' },
      { denied: 'GET', path: /nixery-check/, action: 's3:GetObject' },
      { denied: 'DELETE', path: /nixery-check/, action: 's3:DeleteObject' },
    ])('with permissions: $action', async ({ denied, path, action }) => {
      await start({ isDenied: (method, pathname) => method === denied && path.test(pathname) });
      await expect(open()).rejects.toMatchObject({
        name: 'BlobError',
        code: 'denied',
        message: expect.stringContaining(`allow these credentials ${action}`),
      });
    });

    test('with credentials: that there are none', async () => {
      await start();
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('HOME', folder);
      const { endpoint } = server;
      await expect(createS3Store({ bucket: BUCKET, endpoint })).rejects.toMatchObject({
        name: 'BlobError',
        code: 'denied',
        message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
      });
    });

    test('and leaves nothing in the bucket', async () => {
      await start();
      const store = await open();
      expect(await collect(store.list())).toEqual([]);
      const { KeyCount } = await client().send(new ListObjectsV2Command({ Bucket: BUCKET }));
      expect(KeyCount).toBe(0);
    });
  });

  test('stores large blobs in parts, with their media type', async () => {
    await start();
    const store = await open();
    const bytes = randomBytes(17 * MIB);
    const digest = digestOf(bytes);
    await store.put(digest, { bytes }, LAYER_TYPE);
    expect(digestOf(await readBlob(store, digest, 17 * MIB))).toBe(digest);
    const object = await client().send(
      new GetObjectCommand({ Bucket: BUCKET, Key: `layers/${digest.slice('sha256:'.length)}` }),
    );
    expect(object.ContentType).toBe(LAYER_TYPE);
    expect(server.parts()).toBe(4);
    await object.Body?.transformToByteArray();
  });

  test('sends parts at once, over connections that are kept', async () => {
    const parts: IncomingMessage[] = [];
    await start({
      onRequest: (request) => {
        if (request.url?.includes('partNumber=') === true) parts.push(request);
      },
    });
    const store = await open();
    const bytes = randomBytes(42 * MIB);
    await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
    expect(parts.map(({ headers }) => headers.expect)).toEqual(Array(9).fill(undefined));
    // As many as parts are on their way at a time, and the one that the upload was begun on.
    expect(new Set(parts.map(({ socket }) => socket)).size).toBeLessThanOrEqual(5);
  });

  describe('unfinished uploads', () => {
    test('are listed page by page, and can be ended', async () => {
      await start({ pageSize: 2 });
      await beginUploads(5);
      const time = new Date('2026-01-02T03:04:05Z');
      server.uploads.age(time);
      const store = await open();
      const uploads = await collect(store.listUploads());
      expect(new Set(uploads.map(({ id }) => id)).size).toBe(5);
      for (const upload of uploads) {
        expect(upload).toMatchObject({ size: null, startedAt: time });
        await store.abortUpload(upload);
        // One that has ended is no error.
        await store.abortUpload(upload);
      }
      expect(server.uploads.count()).toBe(0);
    });

    test('do not stay of an upload that fails', async () => {
      await start({ isDenied: (method, _, query) => method === 'PUT' && query.has('partNumber') });
      const store = await open();
      const bytes = randomBytes(7 * MIB);
      const putting = store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
      await expect(putting).rejects.toMatchObject({ code: 'denied' });
      expect(await collect(store.listUploads())).toEqual([]);
    });

    test('are denied where they may not be listed', async () => {
      await start({ isDenied: (method, _, query) => method === 'GET' && query.has('uploads') });
      const store = await open();
      await expect(collect(store.listUploads())).rejects.toMatchObject({ code: 'denied' });
    });

    test('are invalid at servers that cannot list them', async () => {
      await start({ listsUploads: false });
      const store = await open();
      await expect(collect(store.listUploads())).rejects.toMatchObject({ code: 'invalid' });
    });
  });

  test('makes an old blob new when it is put again, without sending it', async () => {
    await start();
    const bytes = randomBytes(6 * MIB);
    const digest = digestOf(bytes);
    const store = await open();
    await store.put(digest, { bytes }, LAYER_TYPE);
    const parts = server.parts();
    const old = new Date(Date.now() - 30 * 24 * 3600_000);
    await server.age(`layers/${digest.slice('sha256:'.length)}`, old);
    expect((await collect(store.list()))[0]?.modifiedAt.getTime()).toBeLessThan(Date.now() - 1e9);
    await store.put(digest, { bytes }, MANIFEST_TYPE);
    const [listed] = await collect(store.list());
    expect(Date.now() - (listed?.modifiedAt.getTime() ?? 0)).toBeLessThan(60_000);
    expect(server.parts()).toBe(parts);
    expect(digestOf(await readBlob(store, digest, 6 * MIB))).toBe(digest);
  });

  test('leaves a blob that another writer has put as it is', async () => {
    await start();
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    const key = { Bucket: BUCKET, Key: `layers/${digest.slice('sha256:'.length)}` };
    const store = await open();
    await client().send(new PutObjectCommand({ ...key, Body: bytes, ContentType: 'text/plain' }));
    await store.put(digest, { bytes }, MANIFEST_TYPE);
    const kept = await client().send(new GetObjectCommand(key));
    expect(kept.ContentType).toBe('text/plain');
    await kept.Body?.transformToByteArray();
  });
});
