import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Tuning } from '../bucket/tuning.ts';
import { createGcsStore } from '../gcs/store.ts';
import { createS3Store } from '../s3/store.ts';
import type { BlobStore } from '../store.ts';
import { startGcsServer } from './gcs-server/server.ts';
import { CREDENTIALS } from './s3-server/signature.ts';
import { startS3Server } from './s3-server/server.ts';

export const BUCKET_KINDS = ['gcs', 's3'] as const;
export type BucketKind = (typeof BUCKET_KINDS)[number];

/** A cloud with one bucket, on loopback, that can sign addresses. */
export interface BucketPeer {
  readonly kind: BucketKind;
  readonly bucket: string;
  readonly origin: string;
  /** The environment variables that lead a process to it, or to a proxy before it, with the credentials to sign. */
  env(origin?: string): Readonly<Record<string, string>>;
  /** A store in the bucket, or in another one, reached at `origin`. */
  open(options?: {
    readonly origin?: string;
    readonly bucket?: string;
    readonly tuning?: Partial<Tuning>;
  }): Promise<BlobStore>;
  /** An object as it lies there, or null. */
  read(key: string): Promise<Buffer | null>;
  /** Puts an object there as another program does. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** The requests since this was last asked: `GET /path`. */
  takeRequests(): readonly string[];
  close(): Promise<void>;
}

export interface BucketPeerOptions {
  /** The cloud's clock, in ms since the epoch. */
  readonly now?: () => number;
  /** How many objects a page of a listing holds, where the cloud can be told. Default: 1,000. */
  readonly pageSize?: number;
}

const BUCKET = 'images';
const ACCOUNT = 'registry@project.iam.gserviceaccount.com';
const CONTENT_TYPE = 'application/octet-stream';

export async function startBucketPeer(
  kind: BucketKind,
  options: BucketPeerOptions = {},
): Promise<BucketPeer> {
  return kind === 'gcs' ? await startGcsPeer(options) : await startS3Peer(options);
}

async function startGcsPeer(options: BucketPeerOptions): Promise<BucketPeer> {
  const log = createLog();
  const folder = await mkdtemp(join(tmpdir(), 'gcs-peer-'));
  const { privateKey, publicKey } = accountKeys();
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyFile = join(folder, 'key.pem');
  const credentialsFile = join(folder, 'credentials.json');
  const credentials = { type: 'service_account', client_email: ACCOUNT, private_key: pem };
  await writeFile(keyFile, pem);
  await writeFile(credentialsFile, JSON.stringify({ ...credentials, project_id: 'project' }));
  const account = { email: ACCOUNT, publicKey };
  const { onRequest } = log;
  const server = await startGcsServer({ ...options, bucket: BUCKET, account, onRequest });
  return {
    kind: 'gcs',
    bucket: BUCKET,
    origin: server.endpoint,
    env: (origin = server.endpoint) => ({
      STORAGE_EMULATOR_HOST: origin,
      GOOGLE_APPLICATION_CREDENTIALS: credentialsFile,
    }),
    open: ({ origin = server.endpoint, bucket = BUCKET, tuning = {} } = {}) =>
      createGcsStore({
        bucket,
        apiEndpoint: origin,
        signing: { keyFile, account: ACCOUNT },
        tuning,
      }),
    read: async (key) => server.objects.get(key)?.bytes ?? null,
    async write(key, bytes) {
      server.objects.put({ name: key, bytes: Buffer.from(bytes), contentType: CONTENT_TYPE });
    },
    async remove(key) {
      server.objects.delete(key);
    },
    takeRequests: log.take,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let keys: KeyPairKeyObjectResult | undefined;

/** One pair for all peers of a process: making one takes a quarter of a second. */
function accountKeys(): KeyPairKeyObjectResult {
  keys ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return keys;
}

async function startS3Peer(options: BucketPeerOptions): Promise<BucketPeer> {
  const log = createLog();
  const server = await startS3Server({ ...options, bucket: BUCKET, onRequest: log.onRequest });
  /** Of the bucket's owner. */
  const owner = new S3Client({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: CREDENTIALS,
    forcePathStyle: true,
  });

  function object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: BUCKET, Key: key };
  }

  return {
    kind: 's3',
    bucket: BUCKET,
    origin: server.endpoint,
    env: (origin = server.endpoint) => ({
      AWS_ENDPOINT_URL_S3: origin,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    }),
    open: ({ origin = server.endpoint, bucket = BUCKET, tuning = {} } = {}) =>
      createS3Store({ bucket, endpoint: origin, credentials: CREDENTIALS, tuning }),
    async read(key) {
      try {
        const { Body: body } = await owner.send(new GetObjectCommand(object(key)));
        return Buffer.from((await body?.transformToByteArray()) ?? []);
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return null;
        throw error;
      }
    },
    async write(key, bytes) {
      const content = { Body: bytes, ContentType: CONTENT_TYPE };
      await owner.send(new PutObjectCommand({ ...object(key), ...content }));
    },
    async remove(key) {
      await owner.send(new DeleteObjectCommand(object(key)));
    },
    takeRequests: log.take,
    async close() {
      owner.destroy();
      await server.close();
    },
  };
}

interface RequestLog {
  readonly onRequest: (request: IncomingMessage) => void;
  readonly take: () => readonly string[];
}

function createLog(): RequestLog {
  let requests: string[] = [];
  return {
    onRequest({ method, url = '' }) {
      requests.push(`${method} ${url.split('?')[0]}`);
    },
    take() {
      const taken = requests;
      requests = [];
      return taken;
    },
  };
}
