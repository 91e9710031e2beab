import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { TlsConfig } from './access/access-config.ts';
import type { AccessFileError } from './access/access-file.ts';
import type { WatchedFiles } from './access/watched-files.ts';
import { answerUnreadable } from './http/client-error.ts';
import { openTls, type TlsPair } from './tls.ts';

/** Connections without a request are kept longer than proxies keep theirs, so that it is never we who close first (ms). */
const KEEP_ALIVE_MS = 95_000;

/** What a request may take to arrive: its address and headers, and all of it with a body that is passed over (ms). */
const HEADERS_MS = 60_000;
const REQUEST_MS = 300_000;

/** Bytes of a request's address and headers. */
const MAX_HEADERS = 16 * 1024;

/** Once told to stop, how long requests that are being answered may take (ms). */
const DRAIN_MS = 20_000;
const SWEEP_MS = 50;

export interface WebServerOptions {
  /** Told of a certificate and key that have changed to what cannot be used. */
  readonly onFileError: (error: AccessFileError) => void;
  /** How often their files are looked at, if not as usual (ms). */
  readonly fileIntervalMs?: number | undefined;
}

/** A listening server, with or without TLS. */
export class WebServer {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #tls: WatchedFiles<TlsPair> | undefined;

  private constructor(
    server: Server,
    { address, port }: AddressInfo,
    tls: WatchedFiles<TlsPair> | undefined,
  ) {
    this.host = address;
    this.port = port;
    this.#server = server;
    this.#tls = tls;
  }

  /** @throws AccessFileError, or the system's error of a port that cannot be used */
  static async start(
    config: {
      readonly host: string | undefined;
      readonly port: number;
      readonly tls: TlsConfig | undefined;
    },
    listener: RequestListener,
    { fileIntervalMs, onFileError }: WebServerOptions,
  ): Promise<WebServer> {
    // Node's own answer to a request without a host has no body; the listener's has.
    const options = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: MAX_HEADERS,
      requireHostHeader: false,
    };
    if (config.tls === undefined) {
      const server = answerAll(createServer(options, listener), listener);
      return new WebServer(server, await listen(server, config), undefined);
    }
    const tls = await openTls(config.tls, {
      // Connections that are open keep the certificate they began with.
      onChange: (pair) => server.setSecureContext(pair),
      onError: onFileError,
      intervalMs: fileIntervalMs,
    });
    const server = createTlsServer({ ...options, ...tls.value }, listener);
    answerAll(server, listener);
    try {
      return new WebServer(server, await listen(server, config), tls);
    } catch (error) {
      tls.stop();
      throw error;
    }
  }

  /** Takes no more connections and waits for the answers under way; those that take too long are cut off. */
  async stop(): Promise<void> {
    this.#tls?.stop();
    const server = this.#server;
    // `close` ends the connections that are idle now; those that are answered later would be kept alive.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    clearInterval(sweep);
    clearTimeout(cutOff);
  }
}

/** Has also those requests answered in our words that node:http would answer by itself. */
function answerAll<S extends Server>(server: S, listener: RequestListener): S {
  // Expectations are for requests with bodies, all of which are refused.
  server.on('checkContinue', listener).on('checkExpectation', listener);
  answerUnreadable(server);
  return server;
}

async function listen(
  server: Server,
  { host, port }: { readonly host: string | undefined; readonly port: number },
): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP address');
  return address;
}
