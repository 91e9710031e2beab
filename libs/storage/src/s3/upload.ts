import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Creation } from '../bucket/bucket.ts';
import type { Content } from '../bucket/content.ts';
import type { S3Clients } from './client.ts';
import { sha256 } from './payload.ts';

/** The metadata in which named objects carry their own hash. An ETag is a hash of the content in some buckets only. */
export const HASH_METADATA = 'nixery-sha256';

export interface S3Upload {
  readonly clients: S3Clients;
  readonly bucket: string;
  readonly key: string;
  readonly content: Content;
  readonly creation: Creation;
  /** Whether the server refuses to overwrite when asked to. */
  readonly conditional: boolean;
  readonly signal: AbortSignal;
}

/** Uploads content in one request; the server compares it with its hash. */
export async function uploadWhole(upload: S3Upload): Promise<void> {
  const { clients, content, signal } = upload;
  const bytes = await content.read(0, content.size);
  const digest = await sha256(bytes);
  const command = new PutObjectCommand({
    ...objectOf(upload),
    ...conditionOf(upload),
    ContentType: upload.creation.mediaType,
    Body: bytes,
    ContentLength: bytes.length,
    ChecksumSHA256: digest.toString('base64'),
    Metadata: { [HASH_METADATA]: digest.toString('hex') },
  });
  await clients.writer.send(command, { abortSignal: signal });
}

/** Which object an upload is about. */
export function objectOf({ bucket, key }: S3Upload): {
  readonly Bucket: string;
  readonly Key: string;
} {
  return { Bucket: bucket, Key: key };
}

/** None may be there yet, or still the one to replace. */
export function conditionOf({ creation, conditional }: S3Upload): {
  readonly IfNoneMatch?: string;
  readonly IfMatch?: string;
} {
  if (!conditional) return {};
  const { replaces } = creation;
  return replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces.version };
}
