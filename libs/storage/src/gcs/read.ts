import type { Opened } from '../bucket/bucket.ts';
import { BlobError } from '../error.ts';
import { formatRange, resolveRange, type ByteRange } from '../range.ts';
import { objectPath, type Connection } from './connection.ts';
import { crc32c, formatCrc32c } from './crc32c.ts';
import { failure } from './error.ts';
import type { HttpAnswer } from './http.ts';

/** Asks for an object's content, or a range of it. */
export async function openObject(
  connection: Connection,
  key: string,
  range: ByteRange | undefined,
  generation: string | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  const name = `gs://${connection.bucket}/${key}`;
  const answer = await connection.send({
    method: 'GET',
    path: objectPath(connection.bucket, key),
    query: { alt: 'media', generation },
    headers: {
      // Content that is stored gzipped is sent as it is stored (cloud.google.com/storage/docs/transcoding).
      'Accept-Encoding': 'gzip',
      ...(range !== undefined && { Range: formatRange(range) }),
    },
    signal,
  });
  const { status } = answer;
  if (status === 404 || status === 416) await answer.text();
  if (status === 404) return { found: false };
  if (status === 416) return { found: true, satisfiable: false };
  if (status !== 200 && status !== 206) throw await failure(answer, `read ${name}`);
  const size = sizeOf(answer);
  const span = range === undefined ? { offset: 0, length: size } : resolveRange(range, size);
  const body = answer.stream();
  if (span === null) {
    body.destroy();
    return { found: true, satisfiable: false };
  }
  if (!answersSpan(answer, span.offset, span.length)) {
    body.destroy();
    throw new BlobError('unavailable', `${name} is answered with other bytes than asked for`);
  }
  const crc = /(?:^|,)\s*crc32c=([^,]+)/.exec(answer.header('x-goog-hash') ?? '')?.[1];
  return {
    found: true,
    satisfiable: true,
    size,
    version: answer.header('x-goog-generation') ?? '',
    span,
    body,
    matches: (bytes) => crc === undefined || formatCrc32c(crc32c(bytes)) === crc,
  };
}

/** Of the whole object: from Content-Range, or Content-Length where all of it comes; NaN if neither tells. */
function sizeOf(answer: HttpAnswer): number {
  const total = /\/(\d+)$/.exec(answer.header('content-range') ?? '')?.[1];
  return Number(total ?? answer.header('content-length'));
}

function answersSpan(answer: HttpAnswer, offset: number, length: number): boolean {
  if (Number(answer.header('content-length')) !== length) return false;
  const range = answer.header('content-range');
  return range === undefined ? offset === 0 : range.startsWith(`bytes ${offset}-`);
}
