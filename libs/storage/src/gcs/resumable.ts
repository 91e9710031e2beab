import { Readable } from 'node:stream';
import type { Content } from '../bucket/content.ts';
import { isTransient, pause } from '../bucket/retry.ts';
import type { Tuning } from '../bucket/tuning.ts';
import { BlobError } from '../error.ts';
import { crc32c, formatCrc32c } from './crc32c.ts';
import { failure } from './error.ts';
import type { HttpAnswer, HttpBody } from './http.ts';
import { concludeUpload, uploadPath, uploadQuery, type Upload } from './upload.ts';

/** So many failures in a row, without a byte stored in between, end a session; the whole upload may start anew. */
const MAX_FAILURES = 8;
/** What is read from a file at a time, in bytes. */
const READ_BYTES = 1024 * 1024;

/** How far a session is: some bytes are stored, its last answer has come, or it exists no more. */
type Progress =
  | { readonly state: 'stored'; readonly offset: number }
  | { readonly state: 'answered'; readonly answer: HttpAnswer }
  | { readonly state: 'lost' };

/**
 * Uploads content in two requests (cloud.google.com/storage/docs/performing-resumable-uploads): a stream of all but the
 * last piece, then that piece with the checksum of everything, which is known by then; so what was damaged on its way
 * never becomes an object. After a failure only what Cloud Storage has not stored is sent again. False if there is an
 * object already.
 */
export async function uploadResumable(upload: Upload, tuning: Tuning): Promise<boolean> {
  const session = await startSession(upload);
  if (session === null) return false;
  const checksum = createChecksum();
  const progress = await sendAll(upload, session, checksum, tuning);
  if (progress.state === 'answered') {
    return await concludeUpload(upload, progress.answer, checksum.format());
  }
  // The session has expired, or was lost with a part of the service: the upload starts anew.
  throw new BlobError('unavailable', `The session to upload ${nameOf(upload)} is of no more use`);
}

/** Sends the rest of the content, again where that failed, until the last piece is answered. */
async function sendAll(
  upload: Upload,
  session: string,
  checksum: Checksum,
  tuning: Tuning,
): Promise<Progress> {
  const { content, signal } = upload;
  let offset = 0;
  let failures = 0;
  let certain = true;
  for (;;) {
    try {
      const progress: Progress = certain
        ? await sendPiece(upload, session, await pieceAt(content, offset, checksum, tuning))
        : await sendPiece(upload, session, null);
      if (progress.state !== 'stored' || progress.offset >= content.size) return progress;
      if (progress.offset > offset) failures = 0;
      offset = progress.offset;
      certain = true;
    } catch (error) {
      failures += 1;
      if (!isTransient(error) || failures > MAX_FAILURES) throw error;
      if (!(await pause(tuning, failures - 1, signal))) throw error;
      certain = false;
    }
  }
}

/** The checksum of content that is read in order, parts of it perhaps again. */
interface Checksum {
  add(offset: number, bytes: Uint8Array): void;
  format(): string;
}

function createChecksum(): Checksum {
  let crc = 0;
  let upTo = 0;
  return {
    add(offset, bytes) {
      const fresh = bytes.subarray(Math.max(0, upTo - offset));
      crc = crc32c(fresh, crc);
      upTo += fresh.length;
    },
    format: () => formatCrc32c(crc),
  };
}

interface Piece {
  readonly offset: number;
  readonly body: HttpBody;
  /** Of the whole content; with the last piece. */
  readonly hash?: string;
}

/** What to send once everything before `offset` is stored: all but the last piece, or that. */
async function pieceAt(
  content: Content,
  offset: number,
  checksum: Checksum,
  { partBytes }: Tuning,
): Promise<Piece> {
  const rest = content.size - offset;
  if (rest > partBytes) {
    // What is not the last has to come in multiples of 256 KiB, as both the piece and the offset are.
    const byteLength = rest - (rest % partBytes || partBytes);
    return { offset, body: { byteLength, stream: stream(content, offset, byteLength, checksum) } };
  }
  const bytes = await content.read(offset, rest);
  checksum.add(offset, bytes);
  return { offset, body: bytes, hash: checksum.format() };
}

function stream(content: Content, offset: number, length: number, checksum: Checksum): Readable {
  async function* reads(): AsyncGenerator<Buffer> {
    const end = offset + length;
    for (let position = offset; position < end; position += READ_BYTES) {
      const bytes = await content.read(position, Math.min(READ_BYTES, end - position));
      checksum.add(position, bytes);
      yield bytes;
    }
  }
  return Readable.from(reads(), { objectMode: false, highWaterMark: READ_BYTES });
}

/** The session's address; null if there is an object already. */
async function startSession(upload: Upload): Promise<string | null> {
  const { connection, key, content, creation, signal } = upload;
  const answer = await connection.send({
    method: 'POST',
    path: uploadPath(connection.bucket),
    query: { uploadType: 'resumable', name: key, ...uploadQuery(creation) },
    headers: {
      'Content-Type': 'application/json',
      'X-Upload-Content-Type': creation.mediaType,
      'X-Upload-Content-Length': String(content.size),
    },
    body: Buffer.from(JSON.stringify({ contentType: creation.mediaType })),
    signal,
  });
  const action = `start to upload ${nameOf(upload)}`;
  if (answer.status === 412) {
    await answer.text();
    return null;
  }
  if (answer.status !== 200 && answer.status !== 201) throw await failure(answer, action);
  await answer.text();
  const session = answer.header('location');
  if (session === undefined) {
    throw new BlobError('unavailable', `Cannot ${action}: the answer names no session`);
  }
  return session;
}

/** Sends a piece; without one, asks how far the session is. */
async function sendPiece(upload: Upload, session: string, piece: Piece | null): Promise<Progress> {
  const { connection, content, signal } = upload;
  const answer = await connection.send({
    method: 'PUT',
    path: session,
    headers: {
      'Content-Range': `bytes ${rangeOf(piece)}/${content.size}`,
      ...(piece?.hash !== undefined && { 'X-Goog-Hash': `crc32c=${piece.hash}` }),
    },
    ...(piece !== null && { body: piece.body }),
    signal,
  });
  const { status } = answer;
  if (status === 308) {
    await answer.text();
    return { state: 'stored', offset: storedUpTo(answer.header('range')) };
  }
  if (status === 404 || status === 410) {
    await answer.text();
    return { state: 'lost' };
  }
  if (status === 408 || status === 429 || status >= 500) {
    throw await failure(answer, `upload ${nameOf(upload)}`);
  }
  return { state: 'answered', answer };
}

function rangeOf(piece: Piece | null): string {
  return piece === null ? '*' : `${piece.offset}-${piece.offset + piece.body.byteLength - 1}`;
}

function nameOf({ connection, key }: Upload): string {
  return `gs://${connection.bucket}/${key}`;
}

/** `bytes=0-<last>`; without the header nothing is stored yet. */
function storedUpTo(range: string | undefined): number {
  const last = /^bytes=0-(\d+)$/.exec(range ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}
