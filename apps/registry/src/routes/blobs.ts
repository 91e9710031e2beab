import { type Builder, READ_IF_UNKNOWN, readThrough } from '@nixery/builder';
import { type CacheClient, Recent } from '@nixery/cache';
import {
  BlobError,
  type BlobOpener,
  type BlobStatter,
  type ByteRange,
  type Digest,
  type OpenBlob,
  type UnsatisfiableRange,
} from '@nixery/storage';

import type { Caller } from '../access/caller.ts';
import type { PackageAccess } from '../access/package-access.ts';
import type { BlobLinks } from '../blob-links.ts';
import { RequestAsker } from '../http/asker.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import type { Exchange, RawHeaders } from '../http/exchange.ts';
import { FileSender } from '../http/file-sender.ts';
import { hold, type HoldTimes } from '../http/hold.ts';
import { parseRange } from '../http/range.ts';
import { hasMatch, sendOn } from '../http/respond.ts';
import { cutOffStalled } from '../http/stalled.ts';

const MAX_SIZES = 100_000;

export interface BlobRouteOptions {
  readonly access: PackageAccess;
  readonly builder: Pick<Builder, 'heal'>;
  readonly cache: CacheClient;
  readonly store: BlobStatter & BlobOpener;
  /** Where clients are sent for blobs; undefined where blobs are sent to them. */
  readonly links: BlobLinks | undefined;
  /** How long a request waits for a blob that is made again. */
  readonly holdTimes: HoldTimes;
}

/** What somebody asks for and may have. */
interface Wanted {
  readonly digest: Digest;
  /** Whether everybody may have it. */
  readonly isForAll: boolean;
}

/** `GET, HEAD /v2/<name>/blobs/<digest>` */
export class BlobRoute {
  readonly #options: BlobRouteOptions;
  readonly #sender = new FileSender();
  /** Layers' sizes from their records, and those of blobs that were read. */
  readonly #sizes = new Recent<Digest, number>(MAX_SIZES);

  constructor(options: BlobRouteOptions) {
    this.#options = options;
  }

  async serve(
    exchange: Exchange,
    target: { readonly name: string; readonly digest: string },
    caller: Caller,
  ): Promise<void> {
    const digest = parseDigest(target.digest, httpErrors.blobUnknown);
    const { access, builder, holdTimes } = this.#options;
    if (caller.rules.hasLists) {
      const asked = access.requireDigest(caller, target.name, digest);
      const known = await hold(exchange, asked, holdTimes);
      if (known.over) return;
      if (!known.value) throw httpErrors.blobUnknown(digest);
    }
    const wanted = { digest, isForAll: caller.user === null && !caller.rules.hasLists };
    if (await this.#answer(exchange, wanted)) return;

    const asker = new RequestAsker(exchange, caller);
    const healed = await hold(exchange, builder.heal(digest, { asker }), holdTimes);
    if (healed.over) return;
    if (!healed.value) throw httpErrors.blobUnknown(digest);
    if (await this.#answer(exchange, wanted)) return;
    throw httpErrors.notNow(new Error(`${digest} was made again, and is gone again`));
  }

  /** @returns false, and nothing is sent, when the storage has no such blob or not all of it */
  async #answer(exchange: Exchange, wanted: Wanted): Promise<boolean> {
    const { links } = this.#options;
    const isCached = hasMatch(exchange.request.headers['if-none-match'], wanted.digest);
    if (isCached || exchange.isHead) return await this.#describe(exchange, wanted, isCached);
    return links === undefined
      ? await this.#send(exchange, wanted)
      : await this.#redirect(exchange, wanted.digest, links);
  }

  /** Answers HEAD, to which a signed address would not answer, and who has the blob. */
  async #describe(exchange: Exchange, wanted: Wanted, isCached: boolean): Promise<boolean> {
    const { digest } = wanted;
    const status = await this.#options.store.stat(digest);
    if (!status.exists || !(await this.#isWhole(digest, status.size))) return false;
    if (isCached) {
      exchange.sendHead(304, headersOf(wanted));
    } else {
      exchange.sendHead(200, contentHeaders(wanted, status.size));
    }
    return true;
  }

  async #redirect(exchange: Exchange, digest: Digest, links: BlobLinks): Promise<boolean> {
    const link = await links.find(digest);
    if (link === undefined) return false;
    if (!(await this.#isWhole(digest, link.size))) {
      links.forget(digest);
      return false;
    }
    sendOn(exchange, link.url);
    return true;
  }

  async #send(exchange: Exchange, wanted: Wanted): Promise<boolean> {
    const { digest } = wanted;
    const { request, response } = exchange;
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

    const { size, span } = opened;
    const { offset, length } = span;
    const watch = cutOffStalled(response);
    try {
      const headers = contentHeaders(wanted, length);
      if (range === undefined) exchange.writeHead(200, headers);
      else {
        const sent = `bytes ${offset}-${offset + length - 1}/${size}`;
        exchange.writeHead(206, [...headers, 'Content-Range', sent]);
      }
      await this.#sender.send(response, opened, (bytes) => {
        exchange.countSent(bytes);
        watch.note();
      });
    } catch (error) {
      // A client that goes away is no fault; a body that fails has already broken the connection.
      if (error instanceof BlobError) throw error;
    } finally {
      watch.end();
      // A client gone before the first byte is one that `pipeline` refuses, leaving the file open.
      opened.body.destroy();
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

  /** Whether a blob of this many bytes can be the one meant. */
  async #isWhole(digest: Digest, size: number): Promise<boolean> {
    const known = this.#sizes.get(digest);
    if (known !== undefined) return known === size;
    const layer = await this.#options.cache.findLayer(digest);
    if (layer !== null) {
      this.#sizes.set(digest, layer.record.size);
      return layer.record.size === size;
    }
    if (size > READ_IF_UNKNOWN) return true;
    const isIntact = (await readThrough(this.#options.store, digest)) === 'intact';
    if (isIntact) this.#sizes.set(digest, size);
    return isIntact;
  }
}

function headersOf({ digest, isForAll }: Wanted): RawHeaders {
  return [
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    // A digest never stands for other bytes. A cache between does not know who may have it.
    'Cache-Control',
    `${isForAll ? 'public' : 'private'}, max-age=31536000, immutable`,
    'Accept-Ranges',
    'bytes',
  ];
}

function contentHeaders(wanted: Wanted, length: number): RawHeaders {
  const type = 'application/octet-stream';
  return [...headersOf(wanted), 'Content-Type', type, 'Content-Length', String(length)];
}
