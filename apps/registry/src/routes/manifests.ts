import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Builder, type ImageRequest, parseImageName } from '@nixery/builder';
import type { CacheClient, Descriptor, ManifestRecord } from '@nixery/cache';
import { BlobError, type Digest } from '@nixery/storage';

import { chooseForm, MANIFEST_MEDIA_TYPES } from '../http/accept.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import { holdFor, within } from '../http/hold.ts';
import { hasMatch, sendOn } from '../http/respond.ts';
import type { ManifestBodies } from '../manifest-bodies.ts';

export interface ManifestRouteOptions {
  readonly builder: Builder;
  readonly cache: CacheClient;
  readonly bodies: ManifestBodies;
  /** How long a request waits for a build before it is sent on (ms). */
  readonly holdMs: number;
}

/** `GET, HEAD /v2/<name>/manifests/<reference>` */
export class ManifestRoute {
  readonly #options: ManifestRouteOptions;

  constructor(options: ManifestRouteOptions) {
    this.#options = options;
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly name: string; readonly reference: string; readonly query: URLSearchParams },
  ): Promise<void> {
    if (target.reference.includes(':')) {
      await this.#byDigest(request, response, target);
    } else {
      await this.#byTag(request, response, target);
    }
  }

  async #byTag(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly name: string; readonly reference: string; readonly query: URLSearchParams },
  ): Promise<void> {
    const image = parseImageName(target.name, target.reference);
    const form = chooseForm(request.headers.accept);
    if (form === undefined) throw httpErrors.notAcceptable();

    const hold = holdFor(target.query, this.#options.holdMs);
    const outcome = await within(this.#imageWithBody(image, form), hold.waitMs);
    if (response.destroyed) return;
    if (outcome.pending) {
      sendOn(response, hold.next);
      return;
    }
    send(request, response, outcome.value.descriptor, outcome.value.body);
  }

  /** The manifest asked for by tag. One that the storage has lost is made again; one that comes out otherwise is built anew. */
  async #imageWithBody(
    image: ImageRequest,
    form: keyof ManifestRecord['forms'],
  ): Promise<{ readonly descriptor: Descriptor; readonly body: Uint8Array }> {
    const { builder, cache } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const record = await builder.image(image, form);
      const descriptor = record.forms[form];
      if (descriptor === undefined) throw httpErrors.notAcceptable();
      const body = await this.#bodyOf(descriptor.digest);
      if (body !== undefined) return { descriptor, body };
      if (attempt > 1) throw httpErrors.manifestUnknown(descriptor.digest);
      await cache.dropManifest({ digest: descriptor.digest });
    }
  }

  async #byDigest(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly reference: string; readonly query: URLSearchParams },
  ): Promise<void> {
    const digest = parseDigest(target.reference, httpErrors.manifestUnknown);
    const { cache, holdMs } = this.#options;
    const entry = await cache.findManifest(digest);
    const known = Object.values(entry?.record.forms ?? {}).find((form) => form.digest === digest);
    const hold = holdFor(target.query, holdMs);
    const outcome = await within(this.#bodyOf(digest), hold.waitMs);
    if (response.destroyed) return;
    if (outcome.pending) {
      sendOn(response, hold.next);
      return;
    }
    const body = outcome.value;
    const mediaType = body && (known?.mediaType ?? mediaTypeOf(body));
    if (body === undefined || mediaType === undefined) throw httpErrors.manifestUnknown(digest);
    if (!accepts(request.headers.accept, mediaType)) throw httpErrors.notAcceptable();
    send(request, response, { digest, size: body.length, mediaType }, body);
  }

  /** A manifest's body, made again where the storage has lost or damaged it; undefined where that is not possible. */
  async #bodyOf(digest: Digest): Promise<Uint8Array | undefined> {
    const { bodies, builder } = this.#options;
    const stored = await readManifest(bodies, digest);
    if (typeof stored !== 'string') return stored;
    if (stored === 'too-large') return undefined;
    const healed = await builder.heal(digest, { thorough: stored === 'corrupt' });
    const again = healed ? await readManifest(bodies, digest) : stored;
    return typeof again === 'string' ? undefined : again;
  }
}

async function readManifest(
  bodies: ManifestBodies,
  digest: Digest,
): Promise<Uint8Array | 'not-found' | 'corrupt' | 'too-large'> {
  try {
    return await bodies.get(digest);
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    if (error.code === 'invalid') return 'too-large';
    if (error.code === 'not-found' || error.code === 'corrupt') return error.code;
    throw error;
  }
}

function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  return accept
    .split(',')
    .map((range) => range.split(';')[0]?.trim().toLowerCase())
    .some((type) => type === mediaType || type === '*/*' || type === 'application/*');
}

/** The storage outlives the cache: a manifest that only the storage still knows says itself what it is. */
function mediaTypeOf(body: Uint8Array): string | undefined {
  try {
    const document: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    if (typeof document !== 'object' || document === null || !('mediaType' in document))
      return undefined;
    const { mediaType } = document;
    return MANIFEST_MEDIA_TYPES.find((known) => known === mediaType);
  } catch {
    return undefined;
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { digest, mediaType }: Descriptor,
  body: Uint8Array,
): void {
  const headers = {
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    Vary: 'Accept',
  };
  if (hasMatch(request.headers['if-none-match'], digest)) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'Content-Type': mediaType, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}
