import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { BlobError } from '../error.ts';
import type { S3Clients } from './client.ts';
import { s3Error, statusOf } from './error.ts';

/**
 * Makes sure that the bucket is there, and that objects may be written, read and removed, by doing so once: S3 has no
 * way of asking. Answers whether the server knows conditional writes, which not all compatible ones do.
 *
 * @throws BlobError `invalid` if there is no such bucket, `denied` naming what is not permitted and what to do.
 */
export async function checkBucket(
  { writer }: S3Clients,
  bucket: string,
  signal: AbortSignal,
): Promise<{ readonly conditional: boolean }> {
  const object = { Bucket: bucket, Key: `nixery-check/${randomUUID()}` };
  const written = {
    ...object,
    Body: Buffer.from('A store has tried whether it may write here.\n'),
  };
  const options = { abortSignal: signal };

  async function permitted<T>(action: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw unusable(bucket, error, action);
    }
  }

  async function overwrite(): Promise<boolean> {
    try {
      await writer.send(new PutObjectCommand({ ...written, IfNoneMatch: '*' }), options);
      return false;
    } catch (error) {
      if (statusOf(error) === 412) return true;
      if (statusOf(error) === 501 || statusOf(error) === 400) return false;
      throw error;
    }
  }

  // Whoever may list gets 404 and not 403 for objects that are not there: the store depends on it.
  await permitted('s3:ListBucket', () =>
    writer.send(new HeadBucketCommand({ Bucket: bucket }), options),
  );
  await permitted('s3:PutObject', () => writer.send(new PutObjectCommand(written), options));
  const conditional = await permitted('s3:PutObject', overwrite);
  await permitted('s3:GetObject', async () => {
    const { Body: body } = await writer.send(new GetObjectCommand(object), options);
    await body?.transformToByteArray();
  });
  await permitted('s3:DeleteObject', () => writer.send(new DeleteObjectCommand(object), options));
  return { conditional };
}

function unusable(bucket: string, error: unknown, action: string): BlobError {
  const failure = s3Error(error, `use s3://${bucket}`);
  if (statusOf(error) === 404) {
    return new BlobError(
      'invalid',
      `There is no bucket ${bucket} at this S3 service; create it, or correct its name, AWS_REGION or AWS_ENDPOINT_URL_S3`,
      { cause: error },
    );
  }
  if (failure.code !== 'denied') return failure;
  const advice =
    statusOf(error) === undefined
      ? 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives credentials'
      : `allow these credentials ${action} on it`;
  return new BlobError('denied', `${failure.message}; ${advice}`, { cause: error });
}
