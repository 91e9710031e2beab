import { createServer } from 'node:http';

import { createCache } from '@nixery/cache';
import type { BlobStore, Digest } from '@nixery/storage';

import { PackageAccess } from '../access/package-access.ts';
import { Policy } from '../access/policy.ts';
import { BlobLinks } from '../blob-links.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import { Exchange } from '../http/exchange.ts';
import { BlobRoute } from '../routes/blobs.ts';

const ANYBODY = { user: null, client: undefined, rules: new Policy(new Set()).rulesFor(null) };

export interface BlobServerOptions {
  readonly store: BlobStore;
  readonly mode: 'redirect' | 'proxy';
  /** Makes a blob again that the storage has lost. */
  readonly heal: (digest: Digest) => Promise<boolean>;
}

/** The blob route alone, on a free port of 127.0.0.1. */
export interface BlobServer {
  /** Asks for a blob without following redirects. */
  ask(digest: Digest, init?: RequestInit): Promise<Response>;
  readonly port: number;
  close(): Promise<void>;
}

export async function startBlobServer({
  store,
  mode,
  heal,
}: BlobServerOptions): Promise<BlobServer> {
  const cache = createCache({ file: ':memory:' });
  const links = mode === 'redirect' ? new BlobLinks(store) : undefined;
  const access = new PackageAccess({
    systems: ['x86_64-linux'],
    builder: { image: () => Promise.reject(new Error()) },
    cache,
  });
  const route = new BlobRoute({
    access,
    builder: { heal },
    cache,
    store,
    links,
    holdTimes: { holdMs: 20_000, lastHoldMs: null },
  });
  const server = createServer((request, response) => {
    const exchange = new Exchange(request, response);
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const digest = parseDigest(pathname.slice(1), httpErrors.blobUnknown);
    route
      .serve(exchange, { name: 'git', digest }, ANYBODY)
      .catch((error: unknown) => exchange.fail(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    ask: (digest, init = {}) =>
      fetch(`http://127.0.0.1:${port}/${digest}`, { redirect: 'manual', ...init }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await cache.stop();
    },
  };
}
