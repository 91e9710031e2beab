import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Fault, FaultKind, FaultPlan } from './faults.ts';
import { forward } from './forward.ts';
import { readBody } from './body.ts';
import { listen } from './listen.ts';

/** A proxy before a server on loopback, at which requests meet faults. */
export interface FaultProxy {
  readonly origin: string;
  /** How many requests have met a fault of each kind. */
  readonly met: ReadonlyMap<FaultKind, number>;
  close(): Promise<void>;
}

/** Bodies shorter than this, in bytes, are messages and not content; they are not damaged. TLS would notice. */
const CONTENT_BYTES = 1024;

export async function startFaultProxy(target: string, plan: FaultPlan): Promise<FaultProxy> {
  const met = new Map<FaultKind, number>();
  const agent = new Agent({ keepAlive: true });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = plan();
    if (fault !== null) met.set(fault.kind, (met.get(fault.kind) ?? 0) + 1);
    if (fault?.kind === 'stall-request') {
      request.pause();
      return;
    }
    if (fault?.kind === 'reset-request') return await resetRequest(request, fault.at);
    const body = await readBody(request);
    if (body === null) return;
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'Content-Length': 0 }).end();
      return;
    }
    if (fault?.kind === 'damage-request') damage(body, fault.at);
    const answer = await forward(request, target, body, agent);
    // The answer to HEAD has no body, whatever length it states.
    const content = request.method === 'HEAD' ? null : await readBody(answer);
    if (fault?.kind === 'lose-answer') {
      response.destroy();
      return;
    }
    answerWith(response, answer, content ?? Buffer.alloc(0), fault);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const { origin, close } = await listen(server);
  return {
    origin,
    met,
    async close() {
      await close();
      agent.destroy();
    },
  };
}

/** Breaks the connection once some of the body has come. */
async function resetRequest(request: IncomingMessage, at: number): Promise<void> {
  const length = Number(request.headers['content-length'] ?? 0);
  let received = 0;
  if (length > 0) {
    for await (const chunk of request) {
      received += Buffer.isBuffer(chunk) ? chunk.length : 0;
      if (received >= length * at) break;
    }
  }
  request.socket.resetAndDestroy();
}

function answerWith(
  response: ServerResponse,
  answer: IncomingMessage,
  content: Buffer,
  fault: Fault | null,
): void {
  const { statusCode = 502, headers } = answer;
  response.writeHead(statusCode, fault?.kind === 'lie' ? lieInHeaders(headers) : headers);
  response.flushHeaders();
  switch (fault?.kind) {
    case 'stall-answer':
    case 'truncate-answer': {
      const part = content.subarray(0, Math.floor(content.length * fault.at));
      response.write(part, () => {
        if (fault.kind === 'truncate-answer') response.destroy();
      });
      return;
    }
    case 'damage-answer':
      // Listings and descriptions carry no checksum that anyone could compare; what guards them is TLS.
      if (!/json|xml/.test(headers['content-type'] ?? '')) damage(content, fault.at);
      break;
    case 'lie':
      lieInText(content);
      break;
    default:
  }
  response.end(content);
}

/** Changes a byte in the middle half, where content is, and not the words around it. */
function damage(body: Buffer, at: number): void {
  if (body.length < CONTENT_BYTES) return;
  const index = Math.floor(body.length * (0.25 + at / 2));
  body.writeUInt8(body.readUInt8(index) ^ 0x40, index);
}

function lieInHeaders(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const lies = { ...headers };
  if (lies['x-goog-hash'] !== undefined) lies['x-goog-hash'] = 'crc32c=AAAAAA==';
  if (lies.etag !== undefined) lies.etag = `"${'0'.repeat(32)}"`;
  const hash = 'x-amz-meta-nixery-sha256';
  if (lies[hash] !== undefined) lies[hash] = '0'.repeat(64);
  return lies;
}

/** In the resources of Cloud Storage's JSON API. */
function lieInText(content: Buffer): void {
  const checksum = /"crc32c":"([^"]+)"/.exec(content.toString('latin1'));
  if (checksum !== null) content.write('AAAAAA==', checksum.index + '"crc32c":"'.length, 'latin1');
}
