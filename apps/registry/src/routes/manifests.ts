import type { IncomingMessage, ServerResponse } from 'node:http';

import { type Builder, type ImageRequest, parseImageName } from '@nixery/builder';
import type { CacheClient, Descriptor, ManifestRecord } from '@nixery/cache';
import { BlobError, isDigest } from '@nixery/storage';

import { chooseForm, MANIFEST_MEDIA_TYPES } from '../http/accept.ts';
import { httpErrors } from '../http/errors.ts';
import { holdFor, within } from '../http/hold.ts';
import { hasMatch } from '../http/respond.ts';
import type { ManifestBodies } from '../manifest-bodies.ts';

export interface ManifestRouteOptions {
  readonly builder: Builder;
  readonly cache: CacheClient;
  readonly bodies: ManifestBodies;
  /** How long a request waits for a build before it is sent on (ms). */
  readonly holdMs: number;
}

/** A digest of an algorithm that we do not use: well-formed, and nothing here has it. */
const SOME_ALGORITHM = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

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
      await this.#byDigest(request, response, target.reference);
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
      response.writeHead(307, {
        Location: hold.next,
        'Cache-Control': 'no-store',
        'Content-Length': 0,
      });
      response.end();
      return;
    }
    send(request, response, outcome.value.descriptor, outcome.value.body);
  }

  /** The manifest asked for by tag. Where the storage has lost it, what is remembered of the image is wrong: it is built anew. */
  async #imageWithBody(
    image: ImageRequest,
    form: keyof ManifestRecord['forms'],
  ): Promise<{ readonly descriptor: Descriptor; readonly body: Uint8Array }> {
    const { bodies, builder, cache } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const record = await builder.image(image);
      const descriptor = record.forms[form];
      if (descriptor === undefined) throw httpErrors.notAcceptable();
      try {
        return { descriptor, body: await bodies.get(descriptor.digest) };
      } catch (error) {
        if (!(error instanceof BlobError) || error.code !== 'not-found' || attempt > 1) throw error;
        await cache.dropManifest({ digest: descriptor.digest });
      }
    }
  }

  async #byDigest(
    request: IncomingMessage,
    response: ServerResponse,
    digest: string,
  ): Promise<void> {
    if (!isDigest(digest)) {
      if (digest.startsWith('sha256:') || !SOME_ALGORITHM.test(digest))
        throw httpErrors.digestInvalid();
      throw httpErrors.manifestUnknown(digest);
    }
    const { bodies, cache } = this.#options;
    const entry = await cache.findManifest(digest);
    const known = Object.values(entry?.record.forms ?? {}).find((form) => form.digest === digest);
    const body = await bodies.get(digest).catch((error: unknown) => {
      if (error instanceof BlobError && ['not-found', 'invalid'].includes(error.code))
        return undefined;
      throw error;
    });
    const mediaType = body && (known?.mediaType ?? mediaTypeOf(body));
    if (body === undefined || mediaType === undefined) throw httpErrors.manifestUnknown(digest);
    if (!accepts(request.headers.accept, mediaType)) throw httpErrors.notAcceptable();
    send(request, response, { digest, size: body.length, mediaType }, body);
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
