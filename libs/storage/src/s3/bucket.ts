import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Bucket, ListedKey, StoredObject } from '../bucket/bucket.ts';
import type { Tuning } from '../bucket/tuning.ts';
import { BlobError } from '../error.ts';
import type { S3Clients } from './client.ts';
import { abortUpload, listUploads } from './uploads.ts';
import { s3Error, statusOf } from './error.ts';
import { uploadParts } from './multipart.ts';
import { openObject } from './read.ts';
import { uploadWhole } from './upload.ts';

/** As long as for Cloud Storage; clients follow a redirect at once, in seconds. */
const VALID_SECONDS = 5 * 60;

/**
 * A bucket of S3 or a compatible server.
 *
 * @param conditional - whether the server knows conditional writes.
 */
export function createS3Bucket(
  clients: S3Clients,
  bucket: string,
  conditional: boolean,
  tuning: Tuning,
): Bucket {
  const { reader, writer } = clients;
  const name = `s3://${bucket}`;

  function stat(key: string, signal: AbortSignal): Promise<StoredObject | null> {
    return translated(`look for ${name}/${key}`, async () => {
      try {
        const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
        const object = await writer.send(command, { abortSignal: signal });
        return storedObject(object.ContentLength, object.LastModified, object.ETag);
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
  }

  return {
    name,
    stat,

    open(key, range, version, signal) {
      return translated(`read ${name}/${key}`, () =>
        openObject(reader, bucket, key, range, version, signal),
      );
    },

    create(key, content, creation, signal) {
      return translated(`upload ${name}/${key}`, async () => {
        const upload = { clients, bucket, key, content, creation, conditional, signal };
        try {
          await (content.size <= tuning.partBytes
            ? uploadWhole(upload)
            : uploadParts(upload, tuning));
          return true;
        } catch (error) {
          if (statusOf(error) === 412) return false;
          throw error;
        }
      });
    },

    async touch(key, object, mediaType, signal) {
      try {
        // A copy onto itself needs a change, and that moves LastModified. It is refused for objects over 5 GB.
        const command = new CopyObjectCommand({
          Bucket: bucket,
          Key: key,
          CopySource: `${bucket}/${key}`,
          CopySourceIfMatch: object.version,
          MetadataDirective: 'REPLACE',
          ContentType: mediaType,
          Metadata: { 'nixery-put': new Date().toISOString() },
        });
        await writer.send(command, { abortSignal: signal });
      } catch (error) {
        const status = statusOf(error);
        const failure = s3Error(error, `renew ${name}/${key}`);
        // Gone or replaced since it was looked at: the put starts anew.
        if (status === 404 || status === 412) {
          throw new BlobError('unavailable', failure.message, { cause: error });
        }
        // The server cannot; then age counts from the first put.
        if (failure.code !== 'unavailable') return;
        throw failure;
      }
    },

    async remove(key, signal) {
      await translated(`remove ${name}/${key}`, async () => {
        const command = new DeleteObjectCommand({ Bucket: bucket, Key: key });
        await writer.send(command, { abortSignal: signal });
      });
    },

    list(prefix, page, signal) {
      return translated(`list ${name}/${prefix}`, async () => {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          ContinuationToken: page,
        });
        const { Contents: contents = [], NextContinuationToken: next } = await writer.send(
          command,
          { abortSignal: signal },
        );
        const objects = contents.map(({ Key: key = '', Size, LastModified, ETag }): ListedKey => {
          return { key, ...storedObject(Size, LastModified, ETag) };
        });
        return { objects, next };
      });
    },

    listUploads(prefix, page, signal) {
      return translated(`list what is half uploaded to ${name}/${prefix}`, () =>
        listUploads(writer, bucket, prefix, page, signal),
      );
    },

    async abortUpload({ id, name: key }, signal) {
      await translated(`end an upload of ${name}/${key}`, () =>
        abortUpload(writer, bucket, key, id, signal),
      );
    },

    url(key) {
      return translated(`sign an address of ${name}/${key}`, () =>
        getSignedUrl(reader, new GetObjectCommand({ Bucket: bucket, Key: key }), {
          expiresIn: VALID_SECONDS,
        }),
      );
    },
  };
}

function storedObject(
  size: number | undefined,
  modifiedAt: Date | undefined,
  version: string | undefined,
): StoredObject {
  if (size === undefined || modifiedAt === undefined) {
    throw new BlobError('unavailable', 'S3 describes an object without its size or time');
  }
  return { size, modifiedAt, version: version ?? '' };
}

async function translated<T>(action: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw s3Error(error, action);
  }
}
