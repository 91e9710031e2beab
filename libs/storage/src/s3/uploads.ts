import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { UploadPage } from '../bucket/bucket.ts';
import { statusOf } from './error.ts';

/** Uploads in parts that have not ended (docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html). */
export async function listUploads(
  client: S3Client,
  bucket: string,
  prefix: string,
  page: string | undefined,
  signal: AbortSignal,
): Promise<UploadPage> {
  const [keyMarker, idMarker] = page === undefined ? [] : parsePage(page);
  const command = new ListMultipartUploadsCommand({
    Bucket: bucket,
    Prefix: prefix,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker,
  });
  const answer = await client.send(command, { abortSignal: signal });
  const uploads = (answer.Uploads ?? []).flatMap(({ Initiated, Key, UploadId }) =>
    Key === undefined || UploadId === undefined || Initiated === undefined
      ? []
      : // How much is there would take a request for each.
        [{ name: Key, id: UploadId, size: null, startedAt: Initiated }],
  );
  const { IsTruncated: isTruncated, NextKeyMarker: key, NextUploadIdMarker: id } = answer;
  const next = isTruncated === true && key !== undefined ? formatPage(key, id) : undefined;
  return { uploads, next };
}

/** Has S3 forget an upload and its parts, if it still knows it. */
export async function abortUpload(
  client: S3Client,
  bucket: string,
  key: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id });
  try {
    await client.send(command, { abortSignal: signal });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/** Two markers in one; keys of ours hold no line breaks. */
function formatPage(key: string, id: string | undefined): string {
  return `${key}\n${id ?? ''}`;
}

function parsePage(page: string): readonly [string, string | undefined] {
  const [key = '', id = ''] = page.split('\n');
  return [key, id === '' ? undefined : id];
}
