import type { IncomingMessage } from 'node:http';

/** More of one size are not kept: so many parts come at a time. */
const MAX_KEPT = 8;
/** Smaller ones are not worth it, and larger ones come one by one (bytes). */
const MIN_BYTES = 1024 * 1024;
const MAX_BYTES = 16 * 1024 * 1024;

/** By size in bytes. */
const kept = new Map<number, Buffer[]>();

/** Memory for a body of known size; what was let go of before, if there is any. */
function take(size: number): Buffer {
  return kept.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
}

/** To be told when nobody needs a body any more: fresh memory for every part costs a server more than all that it does with it. */
export function letGo(body: Buffer | null): void {
  if (body === null || body.length < MIN_BYTES || body.length > MAX_BYTES) return;
  const others = kept.get(body.length) ?? [];
  if (others.length < MAX_KEPT) kept.set(body.length, [...others, body]);
}

/** The whole of a body; null if the connection broke before its end. `received` sees each chunk as it comes. */
export async function readBody(
  request: IncomingMessage,
  received?: (chunk: Buffer) => void,
): Promise<Buffer | null> {
  const stated = request.headers['content-length'];
  const body = stated === undefined ? undefined : take(Number(stated));
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue;
      if (body === undefined) chunks.push(chunk);
      else chunk.copy(body, size);
      size += chunk.length;
      received?.(chunk);
    }
  } catch {
    return null;
  }
  if (!request.complete) return null;
  return body ?? Buffer.concat(chunks);
}
