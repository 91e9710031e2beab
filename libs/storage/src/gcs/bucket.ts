import type { Bucket } from '../bucket/bucket.ts';
import type { Tuning } from '../bucket/tuning.ts';
import { BlobError } from '../error.ts';
import {
  objectPath,
  readList,
  readResource,
  RESOURCE_FIELDS,
  storedObject,
  type Connection,
} from './connection.ts';
import { failure } from './error.ts';
import { openObject } from './read.ts';
import { uploadResumable } from './resumable.ts';
import { uploadSimple, type Upload } from './upload.ts';

/** A bucket of Cloud Storage, over its JSON API (cloud.google.com/storage/docs/json_api/v1). */
export function createGcsBucket(
  connection: Connection,
  url: (key: string) => Promise<string>,
  tuning: Tuning,
): Bucket {
  const name = `gs://${connection.bucket}`;

  const stat: Bucket['stat'] = async (key, signal) => {
    const path = objectPath(connection.bucket, key);
    const query = { fields: RESOURCE_FIELDS };
    const answer = await connection.send({ method: 'GET', path, query, signal });
    if (answer.status === 404) {
      await answer.text();
      return null;
    }
    if (answer.status !== 200) throw await failure(answer, `look for ${name}/${key}`);
    return storedObject(await readResource(answer));
  };

  return {
    name,
    stat,

    open(key, range, version, signal) {
      return openObject(connection, key, range, version, signal);
    },

    async create(key, content, creation, signal) {
      const upload: Upload = { connection, key, content, creation, signal };
      return content.size <= tuning.partBytes
        ? await uploadSimple(upload)
        : await uploadResumable(upload, tuning);
    },

    async touch(key, object, mediaType, signal) {
      const answer = await connection.send({
        method: 'PATCH',
        path: objectPath(connection.bucket, key),
        query: { ifGenerationMatch: object.version, fields: RESOURCE_FIELDS },
        headers: { 'Content-Type': 'application/json' },
        // Any change of metadata moves `updated`; the key says who made it.
        body: Buffer.from(
          JSON.stringify({
            contentType: mediaType,
            metadata: { 'nixery-put': new Date().toISOString() },
          }),
        ),
        signal,
      });
      if (answer.status === 200) {
        await answer.text();
        return;
      }
      const error = await failure(answer, `renew ${name}/${key}`);
      // Roles that may only create objects cannot do this; then age counts from the first put.
      if (error.code === 'denied') return;
      // Gone or replaced since it was looked at: the put starts anew.
      if (answer.status === 404 || answer.status === 412) {
        throw new BlobError('unavailable', error.message, { cause: error });
      }
      throw error;
    },

    async remove(key, signal) {
      const path = objectPath(connection.bucket, key);
      const answer = await connection.send({ method: 'DELETE', path, signal });
      if (![200, 204, 404].includes(answer.status)) {
        throw await failure(answer, `remove ${name}/${key}`);
      }
      await answer.text();
    },

    async list(prefix, page, signal) {
      const answer = await connection.send({
        method: 'GET',
        path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o`,
        query: { prefix, pageToken: page, fields: `items(${RESOURCE_FIELDS}),nextPageToken` },
        signal,
      });
      if (answer.status !== 200) throw await failure(answer, `list ${name}/${prefix}`);
      const { items, nextPageToken } = await readList(answer);
      const objects = items.map((item) => ({ key: item.name, ...storedObject(item) }));
      return { objects, next: nextPageToken };
    },

    // Sessions are known to those who have begun them, and to nobody else; Cloud Storage forgets them after a week
    // (cloud.google.com/storage/docs/resumable-uploads#session-uris).
    listUploads: () => Promise.resolve({ uploads: [], next: undefined }),
    abortUpload: () => Promise.resolve(),

    url,
  };
}
