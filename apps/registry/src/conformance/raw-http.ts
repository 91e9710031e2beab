import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Until an answer has come and the connection is closed (ms): far more than any answer takes, and an end to waiting. */
const PATIENCE_MS = 60_000;

/** After so much silence no answer is expected any more, mostly since it is only a part of a request that was sent (ms). */
const QUIET_MS = 300;

/**
 * Sends bytes as they are and reads until the server closes the connection.
 *
 * @param options `end`: says that nothing more will come once an answer has begun, or is not to be expected. Not before: node:http
 *   answers nobody who has said so
 * @returns null where it closes without an answer
 * @throws Error where it does not close, or answers with something else than HTTP
 */
export async function exchangeRaw(
  port: number,
  bytes: string | Buffer,
  options: { readonly end?: boolean } = {},
): Promise<RawAnswer | null> {
  const all = await readAll(port, bytes, options);
  return all.length === 0 ? null : parseAnswer(all);
}

async function readAll(
  port: number,
  bytes: string | Buffer,
  { end = false }: { readonly end?: boolean } = {},
): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (end) socket.setTimeout(QUIET_MS, () => socket.end()).once('data', () => socket.end());
  // The server may hang up before it has read everything; what it said counts.
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(() => true);
  socket.write(bytes);
  const timer = new AbortController();
  const isClosed = await Promise.race([
    closed,
    delay(PATIENCE_MS, false, { signal: timer.signal }),
  ]);
  timer.abort();
  socket.destroy();
  const all = Buffer.concat(chunks);
  if (!isClosed) throw new Error(`no end after ${PATIENCE_MS} ms: ${all.toString('latin1')}`);
  return all;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Sends requests in one piece on one connection, which ends after the last.
 * {@link https://www.rfc-editor.org/rfc/rfc9112#name-pipelining}
 *
 * @returns the answers, as many as there are
 */
export async function askInOnePiece(
  port: number,
  requests: readonly RawRequest[],
): Promise<readonly RawAnswer[]> {
  const pieces = requests.map(({ body = '', headers, method, path }, index) => {
    const connection = index === requests.length - 1 ? { Connection: 'close' } : {};
    return headOf(method, path, { ...connection, ...headers }) + body;
  });
  let rest = await readAll(port, pieces.join(''));
  const answers: RawAnswer[] = [];
  for (const { method } of requests) {
    if (rest.length === 0) break;
    const answer = parseAnswer(rest);
    const length = method === 'HEAD' ? 0 : Number(answer.headers.get('content-length'));
    answers.push({ ...answer, body: answer.body.subarray(0, length) });
    rest = answer.body.subarray(length);
  }
  if (rest.length > 0) throw new Error(`more than was asked for: ${rest.toString('latin1')}`);
  return answers;
}

/** One request of a known form; the connection ends after it. */
export async function askRaw(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const head = headOf(method, path, { Connection: 'close', ...headers });
  const answer = await exchangeRaw(port, head);
  if (answer === null) throw new Error(`no answer to ${method} ${path}`);
  return answer;
}

function headOf(method: string, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ Host: '127.0.0.1', ...headers });
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return `${head.join('\r\n')}\r\n\r\n`;
}

function parseAnswer(all: Buffer): RawAnswer {
  const end = all.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = all
    .subarray(0, Math.max(0, end))
    .toString('latin1')
    .split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not HTTP: ${all.toString('latin1')}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = all.subarray(end + 4);
  const isChunked = headers.get('transfer-encoding') === 'chunked';
  return { status: Number(status), headers, body: isChunked ? unchunk(rest) : rest };
}

/** https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding */
function unchunk(rest: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString('latin1'), 16);
    if (lineEnd === -1 || !(size > 0)) return Buffer.concat(chunks);
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
