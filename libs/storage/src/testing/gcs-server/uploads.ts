import { randomUUID } from 'node:crypto';
import { readBody } from '../body.ts';
import { answerError, answerJson, type Exchange } from './answer.ts';
import { checksumOf, resourceOf, type Objects, type ServedObject } from './objects.ts';

/** Pieces of a resumable upload, the last one excepted, have to be multiples of this, in bytes. */
const GRANULE = 256 * 1024;

interface Session {
  readonly name: string;
  readonly contentType: string;
  readonly ifGenerationMatch: string | null;
  readonly pieces: Buffer[];
  /** Of all pieces, in bytes. */
  stored: number;
  finished: ServedObject | undefined;
}

/** An upload that has every byte. */
interface Finished {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly ifGenerationMatch: string | null;
}

interface Metadata {
  readonly name?: string;
  readonly contentType?: string;
  readonly crc32c?: string;
}

export interface Uploads {
  /** `POST /upload/storage/v1/b/<bucket>/o` */
  start(exchange: Exchange): Promise<void>;
  /** `PUT` to the address of a session. */
  resume(exchange: Exchange, id: string): Promise<void>;
  /** Forgets every session, as the service may do with a part of itself. */
  forget(): void;
}

/** The three ways of uploading (cloud.google.com/storage/docs/uploads-downloads#uploads). */
export function createUploads(objects: Objects): Uploads {
  const sessions = new Map<string, Session>();

  function finish(
    exchange: Exchange,
    { ifGenerationMatch, ...object }: Finished,
    checksum: string | undefined,
  ): ServedObject | undefined {
    const crc32c = checksumOf(object.bytes);
    if (checksum !== undefined && checksum !== crc32c) {
      answerError(exchange, 400, `Provided CRC32C "${checksum}" doesn't match calculated CRC32C.`);
      return undefined;
    }
    const stored = objects.put({ ...object, crc32c }, { ifGenerationMatch });
    if (stored === null) answerError(exchange, 412, 'conditionNotMet');
    else answerJson(exchange, 200, resourceOf(stored));
    return stored ?? undefined;
  }

  async function start(exchange: Exchange): Promise<void> {
    const { request, url } = exchange;
    const body = await readBody(request);
    if (body === null) return;
    const ifGenerationMatch = url.searchParams.get('ifGenerationMatch');
    const name = url.searchParams.get('name') ?? '';
    switch (url.searchParams.get('uploadType')) {
      case 'media': {
        const contentType = request.headers['content-type'] ?? 'application/octet-stream';
        const upload = { name, contentType, bytes: body, ifGenerationMatch };
        finish(exchange, upload, hashHeader(exchange));
        return;
      }
      case 'multipart': {
        const parts = splitParts(request.headers['content-type'] ?? '', body);
        if (parts === null) return answerError(exchange, 400, 'malformed multipart body');
        const { metadata, bytes } = parts;
        const contentType = metadata.contentType ?? 'application/octet-stream';
        const upload = { name: metadata.name ?? name, contentType, bytes, ifGenerationMatch };
        finish(exchange, upload, metadata.crc32c ?? hashHeader(exchange));
        return;
      }
      case 'resumable': {
        const id = randomUUID();
        const contentType = String(request.headers['x-upload-content-type']);
        const session = { name, contentType, ifGenerationMatch, stored: 0, finished: undefined };
        sessions.set(id, { ...session, pieces: [] });
        const { host } = request.headers;
        const location = `http://${host}${url.pathname}?uploadType=resumable&upload_id=${id}`;
        exchange.response.writeHead(200, { Location: location, 'Content-Length': 0 }).end();
        return;
      }
      default:
        answerError(exchange, 400, 'unknown uploadType');
    }
  }

  async function resume(exchange: Exchange, id: string): Promise<void> {
    const { request, response } = exchange;
    const session = sessions.get(id);
    const range = /^bytes (?:\*|(\d+)-(\d+))\/(\d+)$/.exec(request.headers['content-range'] ?? '');
    const first = range?.[1] === undefined ? undefined : Number(range[1]);
    const before = session?.stored;
    const received: Buffer[] = [];
    const body = await readBody(request, (chunk) => received.push(chunk));
    if (session === undefined) return answerError(exchange, 404, 'no such session');
    if (session.finished !== undefined) {
      return answerJson(exchange, 200, resourceOf(session.finished));
    }
    if (range === null) return answerError(exchange, 400, 'malformed Content-Range');
    if (body === null) {
      // A connection that breaks in a piece leaves what had come, in whole granules.
      const bytes = Buffer.concat(received);
      const whole = bytes.subarray(0, bytes.length - (bytes.length % GRANULE));
      if (first === before && session.stored === before) append(session, whole);
      return;
    }
    if (first !== undefined) {
      if (first > session.stored) return answerError(exchange, 400, 'a gap in the bytes');
      append(session, body.subarray(session.stored - first));
    }
    const total = Number(range[3]);
    if (session.stored === total && first !== undefined) {
      const { name, contentType, ifGenerationMatch, pieces } = session;
      const bytes = Buffer.concat(pieces);
      const upload = { name, contentType, bytes, ifGenerationMatch };
      session.finished = finish(exchange, upload, hashHeader(exchange));
      if (session.finished === undefined) sessions.delete(id);
      return;
    }
    if (session.stored % GRANULE !== 0) {
      return answerError(exchange, 400, 'a piece is no multiple of 256 KiB');
    }
    response.writeHead(308, {
      'Content-Length': 0,
      ...(session.stored > 0 && { Range: `bytes=0-${session.stored - 1}` }),
    });
    response.end();
  }

  return {
    start,
    resume,
    forget() {
      sessions.clear();
    },
  };
}

function append(session: Session, piece: Buffer): void {
  session.pieces.push(piece);
  session.stored += piece.length;
}

function hashHeader({ request }: Exchange): string | undefined {
  return /crc32c=([^,]+)/.exec(String(request.headers['x-goog-hash']))?.[1];
}

/** A body of two parts, JSON metadata and content (RFC 2387). */
function splitParts(
  type: string,
  body: Buffer,
): { readonly metadata: Metadata; readonly bytes: Buffer } | null {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1];
  if (boundary === undefined) return null;
  const second = body.indexOf(`\r\n--${boundary}\r\n`);
  const end = body.lastIndexOf(`\r\n--${boundary}--`);
  const firstStart = body.indexOf('\r\n\r\n') + 4;
  const secondStart = body.indexOf('\r\n\r\n', second + 2) + 4;
  if (second < firstStart || secondStart < second || end < secondStart) return null;
  const metadata: Metadata = JSON.parse(body.toString('utf8', firstStart, second));
  return { metadata, bytes: body.subarray(secondStart, end) };
}
