import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from './digest.ts';
import { createGcsStore, type GcsStoreOptions } from './gcs/store.ts';
import { readBlob } from './read-blob.ts';
import type { BlobStore } from './store.ts';
import { describeBlobStore } from './testing/contract.ts';
import {
  startGcsServer,
  type GcsServer,
  type GcsServerOptions,
} from './testing/gcs-server/server.ts';
import { listen, type Listening } from './testing/listen.ts';
import {
  startMetadataServer,
  type MetadataServer,
  type MetadataServerOptions,
} from './testing/metadata-server.ts';
import { LAYER_TYPE, MANIFEST_TYPE, MIB, collect } from './testing/harness.ts';

const BUCKET = 'images';
const ACCOUNT = 'registry@project.iam.gserviceaccount.com';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const account = { email: ACCOUNT, publicKey: keys.publicKey };

/** Of the machine's account. */
const TOKEN = 'machine';

/** The file that GOOGLE_APPLICATION_CREDENTIALS names. */
const KEY_FILE = JSON.stringify({
  type: 'service_account',
  project_id: 'project',
  client_email: ACCOUNT,
  private_key: privateKey,
});

describeBlobStore('a bucket of Cloud Storage, with signed addresses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gcs-key-'));
  const keyFile = join(folder, 'key.json');
  await writeFile(keyFile, KEY_FILE);
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', keyFile);
  const server = await startGcsServer({ bucket: BUCKET, account, pageSize: 7 });
  return {
    store: await createGcsStore({ bucket: BUCKET, apiEndpoint: server.endpoint }),
    redirects: true,
    async close() {
      vi.unstubAllEnvs();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describeBlobStore('a public bucket of Cloud Storage', async () => {
  const server = await startGcsServer({ bucket: BUCKET, isPublic: true });
  return {
    store: await createGcsStore({ bucket: BUCKET, apiEndpoint: server.endpoint }),
    redirects: true,
    close: server.close,
  };
});

describe('the Cloud Storage store', () => {
  let folder: string;
  let server: GcsServer;

  async function start(options: Partial<GcsServerOptions> = {}): Promise<void> {
    server = await startGcsServer({
      bucket: BUCKET,
      account,
      ...options,
    });
  }

  function open(options: Partial<GcsStoreOptions> = {}): Promise<BlobStore> {
    const tuning = { firstDelayMs: 10, partBytes: MIB };
    return createGcsStore({ bucket: BUCKET, apiEndpoint: server.endpoint, tuning, ...options });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gcs-test-'));
    // No metadata server is to be looked for on the network of whoever runs this.
    vi.stubEnv('METADATA_SERVER_DETECTION', 'none');
    vi.stubEnv('HOME', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  describe('signs addresses', () => {
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);

    test("with a key apart from the credentials, as Nixery's GCS_SIGNING_KEY", async () => {
      await start();
      const signing = { keyFile: await writeIn(folder, 'key.pem', privateKey), account: ACCOUNT };
      const store = await open({ signing });
      await store.put(digest, { bytes }, LAYER_TYPE);
      const response = await fetch((await store.url(digest)) ?? '');
      expect(response.headers.get('content-type')).toBe(LAYER_TYPE);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    });

    test('or refuses to start with a key that cannot sign', async () => {
      await start();
      for (const file of [join(folder, 'missing'), await writeIn(folder, 'key.pem', 'no key')]) {
        const opening = open({ signing: { keyFile: file, account: ACCOUNT } });
        await expect(opening).rejects.toMatchObject({
          name: 'BlobError',
          code: 'invalid',
          message: expect.stringContaining(file),
        });
      }
    });
  });

  test('answers public addresses when it has nothing to sign with', async () => {
    await start();
    const store = await open();
    const digest = digestOf(Buffer.from('x'));
    const address = `${server.endpoint}/${BUCKET}/layers/${digest.slice('sha256:'.length)}`;
    expect(await store.url(digest)).toBe(address);
  });

  describe('authenticates its requests', () => {
    test('with the credentials that the environment names', async () => {
      await start({ token: 'right' });
      const service = await useToken(folder, 'right');
      try {
        const store = await open({ authenticate: true });
        const bytes = randomBytes(3 * MIB);
        await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
        expect(digestOf(await readBlob(store, digestOf(bytes), 3 * MIB))).toBe(digestOf(bytes));
        // These cannot sign without asking Google to.
        expect(await store.url(digestOf(bytes))).not.toContain('X-Goog-Signature');
      } finally {
        await service.close();
      }
    });

    test("with the metadata server's, whose account Google signs for", async () => {
      await start({ token: TOKEN });
      // Longer than Google's library tries by itself.
      const google = await useMetadataServer({ failures: 5 });
      try {
        const { signingEndpoint } = google;
        const store = await open({ authenticate: true, signingEndpoint });
        const bytes = randomBytes(1000);
        await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
        const response = await fetch((await store.url(digestOf(bytes))) ?? '');
        expect(response.status).toBe(200);
        expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
      } finally {
        await google.close();
      }
    });

    test("with the metadata server's, and answers public addresses where its account may not sign", async () => {
      await start({ token: TOKEN });
      const google = await useMetadataServer({ maySign: false });
      try {
        const { signingEndpoint } = google;
        const onUnsigned = vi.fn<(reason: string) => void>();
        const store = await open({ authenticate: true, signingEndpoint, onUnsigned });
        expect(onUnsigned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('may not sign'));
        expect(await store.url(digestOf(Buffer.from('x')))).not.toContain('X-Goog-Signature');
      } finally {
        await google.close();
      }
    });

    test('and says so when they are refused, out of reach, or not there', async () => {
      await start({ token: 'right' });
      const service = await useToken(folder, 'wrong');
      const refused = open({ authenticate: true });
      await expect(refused).rejects.toMatchObject({ name: 'BlobError', code: 'denied' });
      await service.close();
      const unreachable = open({ authenticate: true, tuning: { deadlineMs: 2000 } });
      await expect(unreachable).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
      await expect(open({ authenticate: true })).rejects.toMatchObject({
        name: 'BlobError',
        code: 'denied',
        message: expect.stringContaining('GOOGLE_APPLICATION_CREDENTIALS'),
      });
    });
  });

  describe('says at start what is wrong', () => {
    test('with permissions: which ones are missing, and the role that has them', async () => {
      await start({ permissions: ['storage.objects.get', 'storage.objects.list'] });
      await expect(open()).rejects.toMatchObject({
        name: 'BlobError',
        code: 'denied',
        message: expect.stringMatching(
          /lack storage.objects.create, storage.objects.delete;.*roles\/storage.objectUser/,
        ),
      });
    });

    test('but starts with an emulator that knows nothing of permissions', async () => {
      await start({ permissions: null });
      const store = await open();
      expect(await collect(store.list())).toEqual([]);
      await expect(open({ bucket: 'missing' })).rejects.toMatchObject({ code: 'invalid' });
    });
  });

  test("serves the blobs of a Nixery bucket, leaves them as they are, and lists none of its caches' entries", async () => {
    await start();
    const bytes = randomBytes(3 * MIB);
    const digest = digestOf(bytes);
    const name = `layers/${digest.slice('sha256:'.length)}`;
    const updated = new Date();
    const theirs = { name, bytes, contentType: 'application/octet-stream', updated };
    const { generation } = server.objects.put(theirs) ?? { generation: -1 };
    server.objects.put({ name: 'staging/1', bytes, contentType: 'text/plain' });
    const store = await open();
    expect(await store.stat(digest)).toEqual({ exists: true, size: 3 * MIB, modifiedAt: updated });
    await store.put(digest, { bytes }, LAYER_TYPE);
    const kept = server.objects.get(name);
    expect(kept?.generation).toBe(generation);
    expect(digestOf(kept?.bytes ?? bytes.subarray(1))).toBe(digest);
    expect(digestOf(await readBlob(store, digest, 3 * MIB))).toBe(digest);
    expect(await collect(store.list())).toHaveLength(1);
  });

  test('makes an old blob new when it is put again, without sending it', async () => {
    await start();
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    const name = `layers/${digest.slice('sha256:'.length)}`;
    const old = new Date(Date.now() - 30 * 24 * 3600_000);
    server.objects.put({ name, bytes, contentType: 'application/octet-stream', updated: old });
    const store = await open();
    await store.put(digest, { bytes }, MANIFEST_TYPE);
    const [listed] = await collect(store.list());
    expect(Date.now() - (listed?.modifiedAt.getTime() ?? 0)).toBeLessThan(60_000);
    expect(server.objects.get(name)).toMatchObject({ bytes, contentType: MANIFEST_TYPE });
  });

  test('starts an upload anew when the service has forgotten its session', async () => {
    let sessions = 0;
    await start({
      onRequest({ method, url = '', headers }) {
        if (method === 'POST' && url.includes('uploadType=resumable')) sessions += 1;
        const isLastPiece = /^bytes [1-9]/.test(headers['content-range'] ?? '');
        if (isLastPiece && sessions === 1) server.uploads.forget();
      },
    });
    const bytes = randomBytes(8 * MIB);
    const store = await open();
    await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
    expect(sessions).toBe(2);
    expect(digestOf(await readBlob(store, digestOf(bytes), 8 * MIB))).toBe(digestOf(bytes));
  });
});

/** The machine's own credentials, of Google's machines. */
async function useMetadataServer(options: Partial<MetadataServerOptions>): Promise<MetadataServer> {
  const server = await startMetadataServer({
    email: ACCOUNT,
    privateKey: keys.privateKey,
    token: TOKEN,
    ...options,
  });
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
  vi.stubEnv('GCE_METADATA_HOST', server.host);
  return server;
}

/** Credentials of a workload: a token from a file, exchanged for another at a token service. */
async function useToken(folder: string, token: string): Promise<Listening> {
  const answer = {
    access_token: token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 3600,
  };
  const service = await listen(
    createServer((request, response) => {
      request.resume();
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(answer));
    }),
  );
  const credentials = {
    type: 'external_account',
    audience:
      '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${service.origin}/token`,
    credential_source: { file: await writeIn(folder, 'subject', 'token') },
  };
  const file = await writeIn(folder, 'credentials.json', JSON.stringify(credentials));
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file);
  // Otherwise the library asks Google for the project.
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'project');
  return service;
}

async function writeIn(folder: string, name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}
