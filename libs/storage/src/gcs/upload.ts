import { randomUUID } from 'node:crypto';
import type { Creation } from '../bucket/bucket.ts';
import type { Content } from '../bucket/content.ts';
import { BlobError } from '../error.ts';
import { objectPath, readResource, RESOURCE_FIELDS, type Connection } from './connection.ts';
import { crc32c, formatCrc32c } from './crc32c.ts';
import { failure } from './error.ts';
import type { HttpAnswer } from './http.ts';

/** What an upload is about, whichever way it goes. */
export interface Upload {
  readonly connection: Connection;
  readonly key: string;
  readonly content: Content;
  readonly creation: Creation;
  readonly signal: AbortSignal;
}

/** Uploads content in one request with its metadata; false if there is an object already. */
export async function uploadSimple(upload: Upload): Promise<boolean> {
  const { connection, key, content, creation, signal } = upload;
  const bytes = await content.read(0, content.size);
  const crc = formatCrc32c(crc32c(bytes));
  const boundary = randomUUID();
  const metadata = JSON.stringify({ name: key, contentType: creation.mediaType, crc32c: crc });
  const head = `--${boundary}\r\nContent-Type: application/json\r\n\r\n${metadata}\r\n--${boundary}\r\nContent-Type: ${creation.mediaType}\r\n\r\n`;
  const answer = await connection.send({
    method: 'POST',
    path: uploadPath(connection.bucket),
    query: { uploadType: 'multipart', ...uploadQuery(creation) },
    headers: { 'Content-Type': `multipart/related; boundary=${boundary}` },
    body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--`)]),
    signal,
  });
  return await concludeUpload(upload, answer, crc);
}

export function uploadPath(bucket: string): string {
  return `/upload/storage/v1/b/${encodeURIComponent(bucket)}/o`;
}

/** The object must not be there yet (generation 0), or still be the one to replace. */
export function uploadQuery({ replaces }: Creation): Readonly<Record<string, string>> {
  return { ifGenerationMatch: replaces?.version ?? '0', fields: RESOURCE_FIELDS };
}

/**
 * What the answer to an upload's last request means: true if the object is there, false if another was before.
 *
 * @throws BlobError `unavailable` if Cloud Storage states another checksum or size than was sent. The object of that
 * generation is then removed, so that nobody reads it; one that somebody else has put meanwhile is not.
 */
export async function concludeUpload(
  { connection, key, content, creation, signal }: Upload,
  answer: HttpAnswer,
  crc: string,
): Promise<boolean> {
  const name = `gs://${connection.bucket}/${key}`;
  if (answer.status === 412) {
    await answer.text();
    return false;
  }
  if (answer.status === 400) {
    // Cloud Storage refuses bytes that do not match their checksum: they were damaged on their way.
    const error = await failure(answer, `upload ${name}`);
    throw new BlobError('unavailable', error.message, { cause: error });
  }
  if (answer.status !== 200 && answer.status !== 201) throw await failure(answer, `upload ${name}`);
  const stored = await readResource(answer);
  if (stored.size === content.size && (stored.crc32c ?? crc) === crc) return true;
  const removal = await connection.send({
    method: 'DELETE',
    path: objectPath(connection.bucket, key),
    query: { ifGenerationMatch: stored.generation },
    signal,
  });
  await removal.text();
  throw new BlobError(
    'unavailable',
    `${name} was stored with ${stored.size} bytes and CRC32C ${stored.crc32c} instead of ${content.size} and ${crc} (${creation.mediaType})`,
  );
}
