import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { listen, type Listening } from '../testing/listen.ts';
import { CREDENTIALS } from '../testing/s3-server/signature.ts';
import { hashPayloads } from './payload.ts';

const bytes = randomBytes(1000);
let folder: string;
let requests: IncomingMessage[];
let servers: Listening[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-payload-'));
  requests = [];
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true });
});

function take(request: IncomingMessage, response: ServerResponse): void {
  requests.push(request);
  request.resume();
  request.once('end', () => response.end());
}

/** What a request states about its content at a server, and what its signature covers. */
async function stated(endpoint: string, checksum: object): Promise<object> {
  const client = new S3Client({
    region: 'us-east-1',
    endpoint,
    credentials: CREDENTIALS,
    forcePathStyle: true,
    requestHandler: { httpsAgent: { rejectUnauthorized: false } },
  });
  hashPayloads(client);
  await client.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: bytes, ...checksum }));
  client.destroy();
  const { authorization = '', 'x-amz-content-sha256': hash } = requests.at(-1)?.headers ?? {};
  return { hash, signs: /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') };
}

test('content sent in the clear is hashed, and the hash signed', async () => {
  const server = await listen(createHttpServer(take));
  servers.push(server);
  const hash = digestOf(bytes).slice('sha256:'.length);
  const signs: unknown = expect.arrayContaining(['x-amz-content-sha256', 'x-amz-checksum-crc32']);
  expect(await stated(server.origin, { ChecksumCRC32: 'AAAAAA==' })).toEqual({ hash, signs });
});

test('under TLS the checksum is signed instead, unless the hash is known anyway', async () => {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', '/CN=s3', '-days', '2', '-keyout', key, '-out', cert],
  ]);
  const options = { key: await readFile(key), cert: await readFile(cert) };
  const server = await listen(createHttpsServer(options, take));
  servers.push(server);
  const endpoint = server.origin.replace('http:', 'https:');
  expect(await stated(endpoint, { ChecksumCRC32: 'AAAAAA==' })).toEqual({
    hash: 'UNSIGNED-PAYLOAD',
    signs: expect.arrayContaining(['x-amz-content-sha256', 'x-amz-checksum-crc32']),
  });
  const hash = digestOf(bytes).slice('sha256:'.length);
  const known = { ChecksumSHA256: Buffer.from(hash, 'hex').toString('base64') };
  expect(await stated(endpoint, known)).toMatchObject({ hash });
});
