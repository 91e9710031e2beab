import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

import type { Builder } from '@nixery/builder';
import type { CacheClient } from '@nixery/cache';
import {
  BlobError,
  type BlobOpener,
  type BlobStatter,
  type ByteRange,
  type Digest,
  type OpenBlob,
  type UnsatisfiableRange,
} from '@nixery/storage';
import { LRUCache } from 'lru-cache';

import type { BlobLinks } from '../blob-links.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import { holdFor, within } from '../http/hold.ts';
import { parseRange } from '../http/range.ts';
import { hasMatch, sendOn } from '../http/respond.ts';

const MAX_SIZES = 100_000;

export interface BlobRouteOptions {
  readonly builder: Pick<Builder, 'heal'>;
  readonly cache: CacheClient;
  readonly store: BlobStatter & BlobOpener;
  /** Where clients are sent for blobs; undefined where blobs are sent to them. */
  readonly links: BlobLinks | undefined;
  /** How long a request waits for a blob that is made again before it is sent on (ms). */
  readonly holdMs: number;
}

/** `GET, HEAD /v2/<name>/blobs/<digest>` */
export class BlobRoute {
  readonly #options: BlobRouteOptions;
  /** Layers' sizes from their records. */
  readonly #sizes = new LRUCache<Digest, number>({ max: MAX_SIZES });

  constructor(options: BlobRouteOptions) {
    this.#options = options;
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly digest: string; readonly query: URLSearchParams },
  ): Promise<void> {
    const digest = parseDigest(target.digest, httpErrors.blobUnknown);
    const { builder, holdMs } = this.#options;
    if (await this.#answer(request, response, digest)) return;

    const hold = holdFor(target.query, holdMs);
    const healed = await within(builder.heal(digest), hold.waitMs);
    if (response.destroyed) return;
    if (healed.pending) {
      sendOn(response, hold.next);
      return;
    }
    if (healed.value && (await this.#answer(request, response, digest))) return;
    throw httpErrors.blobUnknown(digest);
  }

  /** @returns false, and nothing is sent, when the storage has no such blob or not all of it */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    digest: Digest,
  ): Promise<boolean> {
    const { links } = this.#options;
    const isCached = hasMatch(request.headers['if-none-match'], digest);
    if (isCached || request.method === 'HEAD') {
      return await this.#describe(response, digest, isCached);
    }
    return links === undefined
      ? await this.#send(request, response, digest)
      : await this.#redirect(response, digest, links);
  }

  /** Answers HEAD, to which a signed address would not answer, and who has the blob. */
  async #describe(response: ServerResponse, digest: Digest, isCached: boolean): Promise<boolean> {
    const status = await this.#options.store.stat(digest);
    if (!status.exists || !(await this.#isWhole(digest, status.size))) return false;
    if (isCached) {
      response.writeHead(304, headersOf(digest)).end();
      return true;
    }
    response.writeHead(200, {
      ...headersOf(digest),
      'Content-Type': 'application/octet-stream',
      'Content-Length': status.size,
    });
    response.end();
    return true;
  }

  async #redirect(response: ServerResponse, digest: Digest, links: BlobLinks): Promise<boolean> {
    const link = await links.find(digest);
    if (link === undefined) return false;
    if (!(await this.#isWhole(digest, link.size))) {
      links.forget(digest);
      return false;
    }
    sendOn(response, link.url);
    return true;
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    digest: Digest,
  ): Promise<boolean> {
    // A range that is only wanted if the blob is another one is not wanted (RFC 9110, section 13.1.5).
    const ifRange = request.headers['if-range'];
    const range =
      ifRange === undefined || ifRange === `"${digest}"`
        ? parseRange(request.headers.range)
        : undefined;
    const opened = await this.#open(digest, range);
    if (opened === undefined) return false;
    if (!(await this.#isWhole(digest, opened.size))) {
      if (opened.satisfiable) opened.body.destroy();
      return false;
    }
    if (!opened.satisfiable) throw httpErrors.rangeNotSatisfiable(opened.size);

    const { body, size, span } = opened;
    const { offset, length } = span;
    try {
      response.writeHead(range === undefined ? 200 : 206, {
        ...headersOf(digest),
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
    return true;
  }

  async #open(
    digest: Digest,
    range: ByteRange | undefined,
  ): Promise<OpenBlob | UnsatisfiableRange | undefined> {
    try {
      return await this.#options.store.open(digest, range);
    } catch (error) {
      if (error instanceof BlobError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  /** Whether a blob of this many bytes can be the one meant; only of layers is it known here. */
  async #isWhole(digest: Digest, size: number): Promise<boolean> {
    const known = this.#sizes.get(digest);
    if (known !== undefined) return known === size;
    const layer = await this.#options.cache.findLayer(digest);
    if (layer === null) return true;
    this.#sizes.set(digest, layer.record.size);
    return layer.record.size === size;
  }
}

function headersOf(digest: Digest): Readonly<Record<string, string>> {
  return {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    // A digest never stands for other bytes.
    'Cache-Control': 'public, max-age=31536000, immutable',
    'Accept-Ranges': 'bytes',
  };
}
