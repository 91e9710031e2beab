import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Bytes taken at a time. wrk takes 8 KiB and parses them, which costs more than serving them does. */
const TAKEN = 256 * 1024;
const HEAD_END = '\r\n\r\n';

export interface Target {
  readonly host: string;
  readonly path: string;
}

/**
 * Reads a body again and again over one connection, and does nothing with it: one buffer takes all.
 *
 * @param ms after which it stops, at the end of what it has by then
 * @returns bytes of bodies
 * @throws Error when an answer is not a whole 200
 */
export async function readAgainAndAgain(target: Target, ms: number): Promise<number> {
  const reader = await BodyReader.open(target);
  const timer = setTimeout(() => reader.stop(), ms);
  try {
    await reader.run();
  } finally {
    clearTimeout(timer);
    reader.stop();
  }
  return reader.bytes;
}

class BodyReader {
  bytes = 0;
  readonly #socket: Socket;
  readonly #request: string;
  readonly #done = Promise.withResolvers<void>();
  /** Of the body that is being read; null while its headers are. */
  #left: number | null = null;
  #head = '';

  private constructor({ host, path }: Target) {
    this.#request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const { hostname, port } = new URL(`http://${host}`);
    const buffer = Buffer.allocUnsafeSlow(TAKEN);
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      onread: { buffer, callback: (length) => this.#take(buffer.subarray(0, length)) },
    });
    this.#socket.on('error', (error) => this.#done.reject(error));
    this.#socket.on('close', () => this.#done.reject(new Error(`${path}: broken off`)));
  }

  static async open(target: Target): Promise<BodyReader> {
    const reader = new BodyReader(target);
    await once(reader.#socket, 'connect');
    return reader;
  }

  /** Until it is stopped. */
  async run(): Promise<void> {
    this.#socket.write(this.#request);
    await this.#done.promise;
  }

  stop(): void {
    this.#done.resolve();
    this.#socket.destroy();
  }

  #take(bytes: Buffer): boolean {
    if (this.#left === null) this.#readHead(bytes);
    else this.#count(bytes.length, this.#left);
    return true;
  }

  #readHead(bytes: Buffer): void {
    const head = this.#head + bytes.toString('latin1');
    const end = head.indexOf(HEAD_END);
    this.#head = end === -1 ? head : '';
    if (end === -1) return;
    const length = /^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1];
    if (!head.startsWith('HTTP/1.1 200') || length === undefined) {
      this.#done.reject(new Error(head.slice(0, end)));
      return;
    }
    this.#count(head.length - end - HEAD_END.length, Number(length));
  }

  /** @param left of the body, `taken` included */
  #count(taken: number, left: number): void {
    this.bytes += taken;
    this.#left = left - taken;
    if (this.#left > 0) return;
    this.#left = null;
    this.#socket.write(this.#request);
  }
}
