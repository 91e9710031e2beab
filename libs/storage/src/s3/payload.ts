import { subtle } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';

const HASH_HEADER = 'x-amz-content-sha256';
const CHECKSUM_HEADER = 'x-amz-checksum-sha256';

/** What requests of the SDK hold by the time they are built. */
interface BuiltRequest {
  readonly protocol: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

/**
 * States the hash of what a request carries, which its signature covers
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Left to the SDK, it is computed on the event loop, a
 * millisecond for each megabyte. Under TLS the content needs none: it has a checksum against accidents, which is signed, and TLS
 * against anybody else.
 */
export function hashPayloads(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      if (isBuilt(request) && request.body instanceof Uint8Array) {
        request.headers[HASH_HEADER] = await payloadHash(request, request.body);
      }
      return await next(args);
    },
    { step: 'build', name: 'hashPayloads' },
  );
}

/** SHA-256, on another thread. */
export async function sha256(bytes: Uint8Array): Promise<Buffer> {
  return Buffer.from(
    await subtle.digest(
      'SHA-256',
      new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ),
  );
}

async function payloadHash(request: BuiltRequest, body: Uint8Array): Promise<string> {
  const stated = request.headers[CHECKSUM_HEADER];
  if (stated !== undefined) return Buffer.from(stated, 'base64').toString('hex');
  if (request.protocol === 'https:') return 'UNSIGNED-PAYLOAD';
  return (await sha256(body)).toString('hex');
}

function isBuilt(request: unknown): request is BuiltRequest {
  return (
    typeof request === 'object' && request !== null && 'headers' in request && 'protocol' in request
  );
}
