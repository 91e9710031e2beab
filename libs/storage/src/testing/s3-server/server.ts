import { hash } from 'node:crypto';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { S3rver } from './s3rver.ts';
import { forward } from '../forward.ts';
import { readBody } from '../gcs-server/answer.ts';
import { listen } from '../listen.ts';
import { spanOf } from '../span.ts';
import { verifyPresigned } from './signature.ts';

export interface S3ServerOptions {
  /** The one bucket that there is. */
  readonly bucket: string;
  /** Whether conditional writes work; otherwise their conditions are ignored, as by some servers. Default: they do. */
  readonly conditionalWrites?: boolean;
  /** The server's clock, in ms since the epoch. */
  readonly now?: () => number;
  /** Refuses, by method and path, what the credentials do not permit. Default: nothing. */
  readonly isDenied?: (method: string, path: string) => boolean;
  /** Sees each request before it is served. */
  readonly onRequest?: (request: IncomingMessage) => void;
}

/** An S3 server on loopback. */
export interface S3Server {
  readonly endpoint: string;
  /** How many parts of larger uploads have come. */
  parts(): number;
  /** Makes an object as old as if it had been put at `time`. */
  age(key: string, time: Date): Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * s3rver, and before it what it lacks of S3: conditional writes, comparison of content with its checksums, verification
 * of presigned addresses, and ranges of every form.
 */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 's3-server-'));
  const s3rver = new S3rver({
    address: '127.0.0.1',
    port: 0,
    directory,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: options.bucket }],
  });
  const { port } = await s3rver.run();
  const target = `http://127.0.0.1:${port}`;
  const agent = new Agent({ keepAlive: true });
  let parts = 0;
  /** Conditional writes take turns: what they look at must not change before they write. */
  let turn: Promise<void> = Promise.resolve();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    options.onRequest?.(request);
    const url = new URL(request.url ?? '', target);
    if (url.searchParams.has('partNumber')) parts += 1;
    const body = await readBody(request);
    if (body === null) return;
    if (options.isDenied?.(request.method ?? '', url.pathname) === true) {
      return refuse(response, 403, 'AccessDenied');
    }
    if (url.searchParams.has('X-Amz-Signature')) {
      const now = options.now?.() ?? Date.now();
      if (!verifyPresigned(request, url, now)) return refuse(response, 403, 'AccessDenied');
    } else if (request.headers.authorization === undefined) {
      return refuse(response, 403, 'AccessDenied');
    }
    if (!matchesChecksums(request, body)) return refuse(response, 400, 'BadDigest');
    const { 'if-none-match': absent, 'if-match': present } = request.headers;
    const isWrite = request.method === 'PUT' || request.method === 'POST';
    const { conditionalWrites = true } = options;
    if (isWrite && conditionalWrites && (absent !== undefined || present !== undefined)) {
      turn = turn.then(() => writeIf(request, response, body));
      return await turn;
    }
    await pass(request, response, body);
  }

  async function writeIf(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const { 'if-none-match': absent, 'if-match': present } = request.headers;
    const { pathname } = new URL(request.url ?? '', target);
    const existing = await fetch(new URL(pathname, target), { method: 'HEAD' });
    const fails =
      (absent === '*' && existing.ok) ||
      (present !== undefined && existing.headers.get('etag') !== present);
    if (fails) return refuse(response, 412, 'PreconditionFailed');
    await pass(request, response, body);
  }

  async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const { range, 'if-match': etag } = request.headers;
    delete request.headers.range;
    const answer = await forward(request, target, body, agent);
    const { statusCode = 502, headers } = answer;
    if (request.method === 'GET' && etag !== undefined && headers.etag !== etag) {
      answer.resume();
      return refuse(response, 412, 'PreconditionFailed');
    }
    if (statusCode === 200 && request.headers['x-amz-copy-source'] !== undefined) {
      // A copy is a new object, even onto itself.
      const { pathname } = new URL(request.url ?? '', target);
      await age(decodeURIComponent(pathname).slice(options.bucket.length + 2), new Date());
    }
    if (statusCode === 200 && request.method === 'GET' && range !== undefined) {
      return await passRange(answer, response, range);
    }
    response.writeHead(statusCode, headers);
    answer.pipe(response);
  }

  async function age(key: string, time: Date): Promise<void> {
    await utimes(join(directory, options.bucket, `${key}._S3rver_object`), time, time);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const { origin, close } = await listen(server);
  return {
    endpoint: origin,
    parts: () => parts,
    age,
    async close() {
      await close();
      agent.destroy();
      await s3rver.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** s3rver takes `bytes=-5` for `bytes=0-5`, and `bytes=0-0` for everything. */
async function passRange(
  answer: IncomingMessage,
  response: ServerResponse,
  range: string,
): Promise<void> {
  const bytes = (await readBody(answer)) ?? Buffer.alloc(0);
  const span = spanOf(range, bytes.length);
  if (span === 'unsatisfiable') return refuse(response, 416, 'InvalidRange');
  const [first, end] = span ?? [0, bytes.length];
  response.writeHead(206, {
    ...answer.headers,
    'content-length': end - first,
    'content-range': `bytes ${first}-${end - 1}/${bytes.length}`,
  });
  response.end(bytes.subarray(first, end));
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html */
function matchesChecksums({ headers }: IncomingMessage, body: Buffer): boolean {
  const payload = String(headers['x-amz-content-sha256'] ?? '');
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== hash('sha256', body, 'hex')) return false;
  // Computed only where one is stated: hashing is most of what large bodies cost this server.
  const checksums: Readonly<Record<string, () => string>> = {
    'content-md5': () => hash('md5', body, 'base64'),
    'x-amz-checksum-sha256': () => hash('sha256', body, 'base64'),
    'x-amz-checksum-crc32': () => crc32Of(body),
  };
  return Object.entries(checksums).every(
    ([name, compute]) => headers[name] === undefined || headers[name] === compute(),
  );
}

function crc32Of(body: Buffer): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return checksum.toString('base64');
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, {
    'Content-Type': 'application/xml',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
