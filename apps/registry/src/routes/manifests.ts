import {
  type Builder,
  canonicalName,
  isIndexRequest,
  type KnownImage,
  parsePullRequest,
  type PullRequest,
  requestOfChild,
  type System,
} from '@nixery/builder';
import { type CacheClient, type Kept, type ManifestForms, Recent } from '@nixery/cache';
import { BlobError, type Digest } from '@nixery/storage';

import type { Caller } from '../access/caller.ts';
import type { PackageAccess } from '../access/package-access.ts';
import type { Rules } from '../access/policy.ts';
import { RequestAsker } from '../http/asker.ts';
import { accepts, chooseForm, type Form } from '../http/accept.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { hold, type HoldTimes } from '../http/hold.ts';
import { hasMatch } from '../http/respond.ts';
import type { ManifestBodies, ManifestBody } from '../manifest-bodies.ts';

export interface ManifestRouteOptions {
  readonly access: PackageAccess;
  readonly builder: Builder;
  readonly cache: CacheClient;
  readonly bodies: ManifestBodies;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
  /**
   * Told the digest of each manifest that is sent, and whether it was only described (HEAD); what it does must cost next to
   * nothing.
   */
  readonly onPull: (digest: Digest, isHead: boolean) => void;
  /** How long a request waits for a build. */
  readonly holdTimes: HoldTimes;
}

/** A body that is a manifest. */
interface Manifest extends ManifestBody {
  readonly mediaType: string;
}

/**
 * A name and tag that is asked for again and again; by form, what it stands for. Whatever is remembered of it is here, in as
 * few objects as can be: with very many images each of them is out of the processor's caches, and takes a quarter of a
 * microsecond to come.
 */
interface KnownTag extends Record<Form, ServedImage | undefined> {
  readonly request: PullRequest;
  readonly isIndex: boolean;
  /** Of an index: its first image, for who knows of no indexes. */
  readonly children: Partial<Record<Form, ServedImage>>;
  /** The rules that allow it. */
  allowedBy: Rules | undefined;
  /** Whether the cache has been told the tag. */
  isListed: boolean;
}

/** What a tag stands for in one form, and what was sent of it the last time. */
interface ServedImage extends KnownImage {
  /** What the builder gave: it gives the same object while that holds. */
  sentOf: ManifestForms | undefined;
  sent: Kept<ManifestBody> | undefined;
}

/**
 * What clients put beside a manifest where a registry lists no referrers, and cosign and podman look for in any case: never a
 * tag of a package source, and an image under it would be taken for signatures.
 * {@link https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema}
 */
const ATTACHMENT = /^sha\d{3}-[0-9a-f]{64,}(?:\.|$)/;

/** Names and tags whose reading is remembered, a kilobyte or so each. */
const MAX_REQUESTS = 20_000;

/** `GET, HEAD /v2/<name>/manifests/<reference>` */
export class ManifestRoute {
  readonly #options: ManifestRouteOptions;
  /** By the path that was asked for: one image is one request, whose key need not be computed anew. */
  readonly #tags = new Recent<string, KnownTag>(MAX_REQUESTS);

  constructor(options: ManifestRouteOptions) {
    this.#options = options;
  }

  async serve(
    exchange: Exchange,
    { name, reference }: { readonly name: string; readonly reference: string },
    caller: Caller,
  ): Promise<void> {
    const { accept } = exchange.request.headers;
    const asker = new RequestAsker(exchange, caller);
    const manifest = reference.includes(':')
      ? this.#byDigest(name, parseDigest(reference, httpErrors.manifestUnknown), accept, asker)
      : this.#byTag(this.#parse(exchange.path, name, reference), accept, asker);
    const held = await hold(exchange, manifest, this.#options.holdTimes);
    if (held.over) return;
    this.#options.onPull(held.value.digest, exchange.isHead);
    send(exchange, held.value);
  }

  #parse(path: string, name: string, tag: string): KnownTag {
    const known = this.#tags.get(path);
    if (known !== undefined) return known;
    const request = parsePullRequest(name, tag, this.#options.systems);
    if (ATTACHMENT.test(tag)) throw httpErrors.nothingAttached();
    const parsed: KnownTag = {
      oci: undefined,
      docker: undefined,
      request,
      isIndex: isIndexRequest(request),
      children: {},
      allowedBy: undefined,
      isListed: false,
    };
    this.#tags.set(path, parsed);
    return parsed;
  }

  /** The manifest of an image, whose tag is listed from then on: another tag's build may have made it. */
  async #byTag(
    known: KnownTag,
    accept: string | undefined,
    asker: RequestAsker,
  ): Promise<Manifest> {
    const { access, cache } = this.#options;
    const { request } = known;
    const { rules } = asker.caller;
    if (known.allowedBy !== rules) {
      access.requirePackages(asker.caller, request.packages);
      known.allowedBy = rules;
    }
    const manifest = await this.#inForm(this.#choose(known, accept), asker);
    if (!known.isListed) {
      known.isListed = await cache.putTag(canonicalName(request), request.reference);
    }
    return manifest;
  }

  /** What the client takes of what a tag stands for. */
  #choose(known: KnownTag, accept: string | undefined): ServedImage {
    const form = chooseForm(accept, known.isIndex ? 'index' : 'image');
    if (form !== undefined) return (known[form] ??= this.#begin(known.request, form));
    const { children, request } = known;
    // A client that knows of no indexes gets an image, as other registries do it.
    const ofChild = isIndexRequest(request) ? chooseForm(accept, 'image') : undefined;
    if (!isIndexRequest(request) || ofChild === undefined) throw httpErrors.notAcceptable();
    return (children[ofChild] ??= this.#begin(
      requestOfChild(request, request.systems[0]),
      ofChild,
    ));
  }

  #begin(request: PullRequest, form: Form): ServedImage {
    return {
      ...this.#options.builder.know(request, form),
      sentOf: undefined,
      sent: undefined,
    };
  }

  /** The manifest of an image. One that the storage has lost is made again; one that comes out otherwise is built anew. */
  async #inForm(served: ServedImage, asker: RequestAsker): Promise<Manifest> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#formsOf(served, asker);
      const known = served.sentOf === found ? served.sent?.use() : undefined;
      if (known !== undefined && isManifest(known)) return known;
      const descriptor = found.forms[served.form];
      if (descriptor === undefined) throw httpErrors.notAcceptable();
      const { digest } = descriptor;
      const manifest = await this.#manifest(digest, asker);
      if (manifest !== undefined) {
        served.sentOf = found;
        served.sent = this.#options.bodies.find(digest);
        return manifest;
      }
      if (attempt > 1) throw httpErrors.manifestUnknown(digest);
      await this.#options.cache.dropManifest({ digest });
    }
  }

  async #formsOf(image: KnownImage, asker: RequestAsker): Promise<ManifestForms> {
    const { access, builder } = this.#options;
    if (!asker.caller.rules.hasLists) return await builder.forms(image, asker);
    const record = await builder.record(image, asker);
    access.granted(asker.caller, record);
    return record;
  }

  async #byDigest(
    name: string,
    digest: Digest,
    accept: string | undefined,
    asker: RequestAsker,
  ): Promise<Manifest> {
    if (!(await this.#options.access.requireDigest(asker.caller, name, digest))) {
      throw httpErrors.manifestUnknown(digest);
    }
    const manifest = await this.#manifest(digest, asker);
    if (manifest === undefined) throw httpErrors.manifestUnknown(digest);
    if (!accepts(accept, manifest.mediaType)) throw httpErrors.notAcceptable();
    return manifest;
  }

  /** A manifest, made again where the storage has lost or damaged it; undefined where that is not possible, and of what is none. */
  async #manifest(digest: Digest, asker: RequestAsker): Promise<Manifest | undefined> {
    const { bodies, builder } = this.#options;
    let body = await readBody(bodies, digest);
    if (body === 'not-found' || body === 'corrupt') {
      const healed = await builder.heal(digest, { thorough: body === 'corrupt', asker });
      if (healed) body = await readBody(bodies, digest);
    }
    return typeof body !== 'string' && isManifest(body) ? body : undefined;
  }
}

function isManifest(body: ManifestBody): body is Manifest {
  return body.mediaType !== undefined;
}

async function readBody(
  bodies: ManifestBodies,
  digest: Digest,
): Promise<ManifestBody | 'not-found' | 'corrupt' | 'too-large'> {
  try {
    return await bodies.get(digest);
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    if (error.code === 'invalid') return 'too-large';
    if (error.code === 'not-found' || error.code === 'corrupt') return error.code;
    throw error;
  }
}

function send(exchange: Exchange, { digest, latin1, mediaType }: Manifest): void {
  const headers = ['Docker-Content-Digest', digest, 'ETag', `"${digest}"`, 'Vary', 'Accept'];
  if (hasMatch(exchange.request.headers['if-none-match'], digest)) {
    exchange.sendHead(304, headers);
  } else {
    exchange.send(200, [...headers, 'Content-Type', mediaType], latin1);
  }
}
