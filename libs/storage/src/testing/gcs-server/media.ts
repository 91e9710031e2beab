import { answerError, type Exchange } from './answer.ts';
import { spanOf } from '../span.ts';
import type { ServedObject } from './objects.ts';

/** Answers with an object's content, or the range of it that is asked for. */
export function answerMedia(exchange: Exchange, object: ServedObject): void {
  const { request, response } = exchange;
  const { bytes, contentType, generation } = object;
  const range = request.headers.range;
  const span = range === undefined ? null : spanOf(range, bytes.length);
  if (span === 'unsatisfiable') {
    answerError(exchange, 416, 'requestedRangeNotSatisfiable');
    return;
  }
  const [first, end] = span ?? [0, bytes.length];
  response.writeHead(span === null ? 200 : 206, {
    'Content-Type': contentType,
    'Content-Length': end - first,
    'X-Goog-Generation': generation,
    'X-Goog-Hash': `crc32c=${object.crc32c}`,
    ...(span !== null && { 'Content-Range': `bytes ${first}-${end - 1}/${bytes.length}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(first, end));
}
