import { hash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Creation } from '../bucket/bucket.ts';
import { streamOf, type Content } from '../bucket/content.ts';
import type { Tuning } from '../bucket/tuning.ts';
import type { S3Clients } from './client.ts';

/** S3's limit (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
const MAX_PARTS = 10_000;
/** Parts of one upload on their way at a time: so much of it is in memory. */
const PARALLEL_PARTS = 4;
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
  const command = new PutObjectCommand({
    ...inputOf(upload),
    Body: bytes,
    ContentLength: bytes.length,
    ChecksumSHA256: hash('sha256', bytes, 'base64'),
    Metadata: { [HASH_METADATA]: hash('sha256', bytes, 'hex') },
  });
  await clients.writer.send(command, { abortSignal: signal });
}

/**
 * Uploads content in parts, each with its checksum. There is an object once all are there and the server has put them
 * together, not before; after a failure the parts are removed.
 */
export async function uploadParts(upload: S3Upload, { partBytes }: Tuning): Promise<void> {
  const { clients, content, signal } = upload;
  const abortController = new AbortController();
  function abort(): void {
    abortController.abort(signal.reason);
  }
  signal.addEventListener('abort', abort, { once: true });
  const body = streamOf(content, partBytes);
  const uploading = new Upload({
    client: clients.writer,
    params: { ...inputOf(upload), Body: body, ContentLength: content.size },
    partSize: Math.max(partBytes, Math.ceil(content.size / MAX_PARTS)),
    queueSize: PARALLEL_PARTS,
    // Left to the library, a failure to remove parts would hide the failure to upload them.
    leavePartsOnError: true,
    abortController,
  });
  try {
    await uploading.done();
  } catch (error) {
    await removeParts(upload, uploading.uploadId);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    body.destroy();
  }
}

/** As far as that works: parts that stay are no object, and a lifecycle rule of the bucket can remove them. */
async function removeParts(
  { clients, bucket, key, signal }: S3Upload,
  uploadId: string | undefined,
): Promise<void> {
  if (uploadId === undefined || signal.aborted) return;
  try {
    const command = new AbortMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
    });
    await clients.writer.send(command, { abortSignal: signal });
  } catch {
    // The caller hears of the upload's own failure.
  }
}

function inputOf({ bucket, key, creation, conditional }: S3Upload): PutObjectCommandInput {
  const { mediaType, replaces } = creation;
  return {
    Bucket: bucket,
    Key: key,
    ContentType: mediaType,
    ...(conditional &&
      (replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces.version })),
  };
}
