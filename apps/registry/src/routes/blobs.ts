import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

import { BlobError, type BlobStore, type Digest, isDigest } from '@nixery/storage';

import { httpErrors } from '../http/errors.ts';
import { parseRange } from '../http/range.ts';
import { hasMatch } from '../http/respond.ts';

/** A digest of another algorithm is well-formed, and no blob here has one. */
const OTHER_ALGORITHM = /^(?!sha256:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** `GET, HEAD /v2/<name>/blobs/<digest>` */
export async function serveBlob(
  store: BlobStore,
  request: IncomingMessage,
  response: ServerResponse,
  digest: string,
): Promise<void> {
  if (!isDigest(digest)) {
    throw OTHER_ALGORITHM.test(digest)
      ? httpErrors.blobUnknown(digest)
      : httpErrors.digestInvalid();
  }
  const headers = {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    // A digest never stands for other bytes.
    'Cache-Control': 'public, max-age=31536000, immutable',
    'Accept-Ranges': 'bytes',
  };
  if (request.method === 'HEAD') {
    const status = await store.stat(digest);
    if (!status.exists) throw httpErrors.blobUnknown(digest);
    response.writeHead(200, {
      ...headers,
      'Content-Type': 'application/octet-stream',
      'Content-Length': status.size,
    });
    response.end();
    return;
  }
  if (hasMatch(request.headers['if-none-match'], digest)) {
    if (!(await store.stat(digest)).exists) throw httpErrors.blobUnknown(digest);
    response.writeHead(304, headers).end();
    return;
  }
  const url = await store.url(digest);
  if (url !== null) {
    response.writeHead(307, { Location: url, 'Cache-Control': 'no-store', 'Content-Length': 0 });
    response.end();
    return;
  }
  await send(store, request, response, digest, headers);
}

async function send(
  store: BlobStore,
  request: IncomingMessage,
  response: ServerResponse,
  digest: Digest,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  // A range that is only wanted if the blob is another one is not wanted (RFC 9110, section 13.1.5).
  const ifRange = request.headers['if-range'];
  const range =
    ifRange === undefined || ifRange === `"${digest}"`
      ? parseRange(request.headers.range)
      : undefined;
  const opened = await store.open(digest, range).catch((error: unknown) => {
    if (error instanceof BlobError && error.code === 'not-found')
      throw httpErrors.blobUnknown(digest);
    throw error;
  });
  if (!opened.satisfiable) throw httpErrors.rangeNotSatisfiable(opened.size);

  const { body, size, span } = opened;
  const { offset, length } = span;
  try {
    response.writeHead(range === undefined ? 200 : 206, {
      ...headers,
      'Content-Type': 'application/octet-stream',
      'Content-Length': length,
      ...(range !== undefined && {
        'Content-Range': `bytes ${offset}-${offset + length - 1}/${size}`,
      }),
    });
    await pipeline(body, response);
  } catch (error) {
    // A client that goes away is no fault; a body that fails has already broken the connection.
    if (error instanceof BlobError) throw error;
  } finally {
    // A client gone before the first byte is one that `pipeline` refuses, leaving the file open.
    body.destroy();
  }
}
