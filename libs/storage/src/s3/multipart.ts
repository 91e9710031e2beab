import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { crc32 } from 'node:zlib';
import { isTransient, pause } from '../bucket/retry.ts';
import type { Tuning } from '../bucket/tuning.ts';
import { BlobError } from '../error.ts';
import { s3Error } from './error.ts';
import { conditionOf, objectOf, type S3Upload } from './upload.ts';
import { abortUpload } from './uploads.ts';

/** S3's limit (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
const MAX_PARTS = 10_000;
/** Parts of one upload on their way at a time: so much of it is in memory. */
const PARALLEL_PARTS = 4;
/** So many failures of one part in a row end the upload, which may start anew. */
const MAX_FAILURES = 4;

/**
 * Uploads content in parts, each with its checksum (docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html). There
 * is an object once all are there and the server has put them together, not before; after a failure the parts are removed.
 * A part that fails is sent again by itself.
 */
export async function uploadParts(upload: S3Upload, tuning: Tuning): Promise<void> {
  const { clients, creation, signal } = upload;
  const { UploadId: id } = await clients.writer.send(
    new CreateMultipartUploadCommand({
      ...objectOf(upload),
      ContentType: creation.mediaType,
      ChecksumAlgorithm: 'CRC32',
    }),
    { abortSignal: signal },
  );
  if (id === undefined) throw new BlobError('unavailable', 'S3 starts an upload without naming it');
  try {
    await clients.writer.send(
      new CompleteMultipartUploadCommand({
        ...objectOf(upload),
        ...conditionOf(upload),
        UploadId: id,
        MultipartUpload: { Parts: await sendParts(upload, id, tuning) },
      }),
      { abortSignal: signal },
    );
  } catch (error) {
    await removeParts(upload, id);
    throw error;
  }
}

/** Sends several parts at a time; all have ended before a failure is told, so that none comes after their removal. */
async function sendParts(upload: S3Upload, id: string, tuning: Tuning): Promise<CompletedPart[]> {
  const { size } = upload.content;
  const partBytes = Math.max(tuning.partBytes, Math.ceil(size / MAX_PARTS));
  const sent: CompletedPart[] = Array.from({ length: Math.ceil(size / partBytes) });
  const waiting = sent.keys();
  const stop = new AbortController();

  async function work(): Promise<void> {
    let bytes: Buffer | undefined;
    for (const index of waiting) {
      if (stop.signal.aborted) return;
      const offset = index * partBytes;
      bytes = await upload.content.read(offset, Math.min(partBytes, size - offset), bytes);
      sent[index] = await sendPart(upload, id, index + 1, bytes, tuning);
    }
  }

  const results = await Promise.allSettled(
    Array.from({ length: PARALLEL_PARTS }, async () => {
      try {
        await work();
      } catch (error) {
        stop.abort();
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return sent;
}

async function sendPart(
  upload: S3Upload,
  id: string,
  number: number,
  bytes: Buffer,
  tuning: Tuning,
): Promise<CompletedPart> {
  const { clients, signal } = upload;
  const checksum = checksumOf(bytes);
  const command = new UploadPartCommand({
    ...objectOf(upload),
    UploadId: id,
    PartNumber: number,
    Body: bytes,
    ContentLength: bytes.length,
    ChecksumCRC32: checksum,
  });
  for (let failures = 1; ; failures += 1) {
    try {
      const { ETag: etag } = await clients.writer.send(command, { abortSignal: signal });
      return { PartNumber: number, ETag: etag, ChecksumCRC32: checksum };
    } catch (error) {
      const failure = s3Error(error, `upload part ${number}`);
      if (!isTransient(failure) || failures > MAX_FAILURES) throw error;
      if (!(await pause(tuning, failures - 1, signal))) throw error;
    }
  }
}

/** In base64. */
function checksumOf(bytes: Uint8Array): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return checksum.toString('base64');
}

/** As far as that works: parts that stay are no object, and collection or a lifecycle rule of the bucket removes them. */
async function removeParts(upload: S3Upload, id: string): Promise<void> {
  const { clients, signal } = upload;
  if (signal.aborted) return;
  try {
    await abortUpload(clients.writer, upload.bucket, upload.key, id, signal);
  } catch {
    // The caller hears of the upload's own failure.
  }
}
