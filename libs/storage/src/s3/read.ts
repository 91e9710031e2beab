import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Opened } from '../bucket/bucket.ts';
import { BlobError } from '../error.ts';
import { formatRange, resolveRange, type ByteRange } from '../range.ts';
import { statusOf } from './error.ts';
import { HASH_METADATA } from './upload.ts';

/** Asks for an object's content, or a range of it. */
export async function openObject(
  reader: S3Client,
  bucket: string,
  key: string,
  range: ByteRange | undefined,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(range !== undefined && { Range: formatRange(range) }),
    ...(etag !== undefined && { IfMatch: etag }),
  });
  const answer = await reader.send(command, { abortSignal: signal }).catch((error: unknown) => {
    const status = statusOf(error);
    if (status === 404 || status === 412) return 'absent';
    if (status === 416) return 'unsatisfiable';
    throw error;
  });
  if (answer === 'absent') return { found: false };
  if (answer === 'unsatisfiable') return { found: true, satisfiable: false };

  const { Body: body, ContentLength: length, ContentRange: contentRange, Metadata } = answer;
  if (!(body instanceof Readable)) throw new BlobError('unavailable', 'S3 answers without a body');
  const size = Number(/\/(\d+)$/.exec(contentRange ?? '')?.[1] ?? length);
  const span = range === undefined ? { offset: 0, length: size } : resolveRange(range, size);
  if (span === null) {
    body.destroy();
    return { found: true, satisfiable: false };
  }
  const starts = contentRange === undefined ? 0 : Number(/^bytes (\d+)-/.exec(contentRange)?.[1]);
  if (length !== span.length || starts !== span.offset) {
    body.destroy();
    const name = `s3://${bucket}/${key}`;
    throw new BlobError('unavailable', `${name} is answered with other bytes than asked for`);
  }
  const sha256 = Metadata?.[HASH_METADATA];
  return {
    found: true,
    satisfiable: true,
    size,
    version: answer.ETag ?? '',
    span,
    body,
    matches: (bytes) => sha256 === undefined || hash('sha256', bytes, 'hex') === sha256,
  };
}
