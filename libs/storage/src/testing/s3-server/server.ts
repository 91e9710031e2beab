import { hash } from 'node:crypto';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { createS3rver } from './s3rver.ts';
import { sha256 } from '../../s3/payload.ts';
import { forward } from '../forward.ts';
import { letGo, readBody } from '../body.ts';
import { listen } from '../listen.ts';
import { spanOf } from '../span.ts';
import { verifyPresigned } from './signature.ts';
import { createUploads, type Uploads } from './uploads.ts';

export interface S3ServerOptions {
  /** The one bucket that there is. */
  readonly bucket: string;
  /** Whether conditional writes work; otherwise their conditions are ignored, as by some servers. Default: they do. */
  readonly conditionalWrites?: boolean;
  /** The server's clock, in ms since the epoch. */
  readonly now?: () => number;
  /** Refuses, by method and path, what the credentials do not permit. Default: nothing. */
  readonly isDenied?: (method: string, path: string, query: URLSearchParams) => boolean;
  /** Whether unfinished uploads can be listed, which some servers do not do. Default: yes. */
  readonly listsUploads?: boolean;
  /** How many unfinished uploads a page of their listing holds. Default: 1,000, as at Amazon. */
  readonly pageSize?: number;
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
  /** Those in parts that have not ended. */
  readonly uploads: Pick<Uploads, 'age' | 'begin' | 'count'>;
  readonly close: () => Promise<void>;
}

/**
 * s3rver, and before it what it lacks of S3: conditional writes, comparison of content with its checksums, verification
 * of presigned addresses, ranges of every form, and the list of unfinished uploads and their end.
 */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 's3-server-'));
  const s3rver = createS3rver({
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
  const uploads = createUploads(join(directory, options.bucket));
  let parts = 0;
  /** Conditional writes take turns: what they look at must not change before they write. */
  let turn: Promise<void> = Promise.resolve();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    options.onRequest?.(request);
    const url = new URL(request.url ?? '', target);
    if (url.searchParams.has('partNumber')) parts += 1;
    const body = await readBody(request);
    if (body === null) return;
    try {
      await serveWith(request, response, url, body);
    } finally {
      letGo(body);
    }
  }

  async function serveWith(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    body: Buffer,
  ): Promise<void> {
    if (options.isDenied?.(request.method ?? '', url.pathname, url.searchParams) === true) {
      return refuse(response, 403, 'AccessDenied');
    }
    if (url.searchParams.has('X-Amz-Signature')) {
      const now = options.now?.() ?? Date.now();
      if (!verifyPresigned(request, url, now)) return refuse(response, 403, 'AccessDenied');
    } else if (request.headers.authorization === undefined) {
      return refuse(response, 403, 'AccessDenied');
    }
    if (!(await matchesChecksums(request, body))) return refuse(response, 400, 'BadDigest');
    if (await serveUploads(request, response, url)) return;
    const { 'if-none-match': absent, 'if-match': present } = request.headers;
    const isWrite = request.method === 'PUT' || request.method === 'POST';
    const { conditionalWrites = true } = options;
    if (isWrite && conditionalWrites && (absent !== undefined || present !== undefined)) {
      turn = turn.then(() => writeIf(request, response, body));
      return await turn;
    }
    await pass(request, response, body);
  }

  /** What s3rver lacks of uploads in parts; false where it goes on. */
  async function serveUploads(
    { method }: IncomingMessage,
    response: ServerResponse,
    url: URL,
  ): Promise<boolean> {
    if (method === 'GET' && url.searchParams.has('uploads')) {
      if (options.listsUploads === false) refuse(response, 501, 'NotImplemented');
      else answerXml(response, 200, uploads.list(url.searchParams, options.pageSize ?? 1000));
      return true;
    }
    const id = url.searchParams.get('uploadId');
    if (id === null) return false;
    if (!uploads.has(id)) {
      refuse(response, 404, 'NoSuchUpload');
      return true;
    }
    if (method !== 'DELETE') return false;
    await uploads.abort(id);
    response.writeHead(204).end();
    return true;
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
    if (statusCode === 200 && request.method === 'POST') {
      const { pathname, searchParams } = new URL(request.url ?? '', target);
      const id = searchParams.get('uploadId');
      if (id !== null) uploads.end(id);
      if (searchParams.has('uploads')) return await passBegun(answer, response, pathname);
    }
    response.writeHead(statusCode, headers);
    answer.pipe(response);
  }

  /** Notes an upload that s3rver has begun. */
  async function passBegun(
    answer: IncomingMessage,
    response: ServerResponse,
    pathname: string,
  ): Promise<void> {
    const text = String(await readBody(answer));
    const id = /<UploadId>([^<]+)</.exec(text)?.[1] ?? '';
    uploads.begin(decodeURIComponent(pathname).slice(options.bucket.length + 2), id);
    answerXml(response, 200, text);
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
    uploads,
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
async function matchesChecksums({ headers }: IncomingMessage, body: Buffer): Promise<boolean> {
  const payload = String(headers['x-amz-content-sha256'] ?? '');
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== (await sha256(body)).toString('hex')) {
    return false;
  }
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
  answerXml(response, status, body);
}

function answerXml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/xml',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
