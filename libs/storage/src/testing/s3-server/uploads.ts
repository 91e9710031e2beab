import { rm } from 'node:fs/promises';
import { join } from 'node:path';

interface BegunUpload {
  readonly id: string;
  readonly key: string;
  initiated: Date;
}

/** The uploads in parts that have not ended, of which s3rver can neither tell nor be rid. */
export interface Uploads {
  begin(key: string, id: string): void;
  has(id: string): boolean;
  /** After its completion. */
  end(id: string): void;
  /** Removes an upload and its parts; false if there is none. */
  abort(id: string): Promise<boolean>;
  /** Makes all of them as old as if they had been begun at `time`. */
  age(time: Date): void;
  count(): number;
  /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
  list(query: URLSearchParams, pageSize: number): string;
}

/** @param directory - of the bucket. */
export function createUploads(directory: string): Uploads {
  const uploads = new Map<string, BegunUpload>();

  return {
    begin(key, id) {
      uploads.set(id, { id, key, initiated: new Date() });
    },
    has: (id) => uploads.has(id),
    end(id) {
      uploads.delete(id);
    },
    async abort(id) {
      if (!uploads.delete(id)) return false;
      await rm(join(directory, '._S3rver_uploads', id), { recursive: true, force: true });
      return true;
    },
    age(time) {
      for (const upload of uploads.values()) upload.initiated = time;
    },
    count: () => uploads.size,
    list(query, pageSize) {
      const prefix = query.get('prefix') ?? '';
      const after = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''].join('\n');
      const matching = [...uploads.values()]
        .filter((upload) => upload.key.startsWith(prefix) && placeOf(upload) > after)
        .toSorted((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1));
      const page = matching.slice(0, pageSize);
      const last = page.at(-1);
      const isTruncated = matching.length > page.length;
      return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
        `<IsTruncated>${isTruncated}</IsTruncated>`,
        ...(isTruncated && last !== undefined
          ? [
              `<NextKeyMarker>${last.key}</NextKeyMarker>`,
              `<NextUploadIdMarker>${last.id}</NextUploadIdMarker>`,
            ]
          : []),
        ...page.map(
          ({ id, initiated, key }) =>
            `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
        ),
        '</ListMultipartUploadsResult>',
      ].join('');
    },
  };
}

/** In the order of listings. */
function placeOf({ id, key }: BegunUpload): string {
  return `${key}\n${id}`;
}
