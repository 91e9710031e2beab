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

/** A manifest as it is sent. */
interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly latin1: string;
}

/**
 * A name and tag that is asked for again and again. Whatever is remembered of it is here: with very many images each look-up
 * elsewhere is one into cold memory, and these are what such a request costs more than one for the same image again.
 */
interface KnownTag {
  readonly request: PullRequest;
  /** By form: what it stands for, and, of an index, the image for who knows of no indexes. */
  readonly images: Partial<Record<Form, ServedImage>>;
  readonly children: Partial<Record<Form, ServedImage>>;
  /** The rules that allow it. */
  allowedBy: Rules | undefined;
  /** Whether the cache has been told the tag. */
  isListed: boolean;
}

/** What a tag stands for in one form, and what was sent of it the last time. */
interface ServedImage {
  readonly image: KnownImage;
  sent: Sent | undefined;
}

interface Sent {
  /** What the builder gave: it gives the same object while that holds. */
  readonly forms: ManifestForms['forms'];
  readonly digest: Digest;
  readonly mediaType: string;
  readonly body: Kept<ManifestBody>;
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
  /** By name and tag: one image is one request, whose key need not be computed anew. */
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
      : this.#byTag(this.#parse(name, reference), accept, asker);
    const held = await hold(exchange, manifest, this.#options.holdTimes);
    if (held.over) return;
    this.#options.onPull(held.value.digest, exchange.isHead);
    send(exchange, held.value);
  }

  #parse(name: string, tag: string): KnownTag {
    // No tag holds a colon.
    const reference = `${name}:${tag}`;
    const known = this.#tags.get(reference);
    if (known !== undefined) return known;
    const request = parsePullRequest(name, tag, this.#options.systems);
    if (ATTACHMENT.test(tag)) throw httpErrors.nothingAttached();
    const parsed: KnownTag = {
      request,
      images: {},
      children: {},
      allowedBy: undefined,
      isListed: false,
    };
    this.#tags.set(reference, parsed);
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
  #choose({ children, images, request }: KnownTag, accept: string | undefined): ServedImage {
    const isIndex = isIndexRequest(request);
    const form = chooseForm(accept, isIndex ? 'index' : 'image');
    if (form !== undefined) return (images[form] ??= this.#begin(request, form));
    // A client that knows of no indexes gets an image, as other registries do it.
    const ofChild = isIndex ? chooseForm(accept, 'image') : undefined;
    if (!isIndex || ofChild === undefined) throw httpErrors.notAcceptable();
    return (children[ofChild] ??= this.#begin(
      requestOfChild(request, request.systems[0]),
      ofChild,
    ));
  }

  #begin(request: PullRequest, form: Form): ServedImage {
    return { image: this.#options.builder.know(request, form), sent: undefined };
  }

  /** The manifest of an image. One that the storage has lost is made again; one that comes out otherwise is built anew. */
  async #inForm(served: ServedImage, asker: RequestAsker): Promise<Manifest> {
    for (let attempt = 1; ; attempt++) {
      const forms = await this.#formsOf(served.image, asker);
      const { sent } = served;
      const known = sent?.forms === forms ? sent.body.use() : undefined;
      if (sent !== undefined && known !== undefined) {
        return { digest: sent.digest, mediaType: sent.mediaType, latin1: known.latin1 };
      }
      const { [served.image.form]: descriptor } = forms;
      if (descriptor === undefined) throw httpErrors.notAcceptable();
      const { digest, mediaType } = descriptor;
      const body = await this.#bodyOf(digest, asker);
      if (body !== undefined) {
        const kept = this.#options.bodies.find(digest);
        served.sent = kept && { forms, digest, mediaType, body: kept };
        return { digest, mediaType, latin1: body.latin1 };
      }
      if (attempt > 1) throw httpErrors.manifestUnknown(digest);
      await this.#options.cache.dropManifest({ digest });
    }
  }

  async #formsOf(image: KnownImage, asker: RequestAsker): Promise<ManifestForms['forms']> {
    const { access, builder } = this.#options;
    if (!asker.caller.rules.hasLists) return (await builder.forms(image, asker)).forms;
    const record = await builder.record(image, asker);
    access.granted(asker.caller, record);
    return record.forms;
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
    const { latin1, mediaType } = (await this.#bodyOf(digest, asker)) ?? {};
    if (latin1 === undefined || mediaType === undefined) throw httpErrors.manifestUnknown(digest);
    if (!accepts(accept, mediaType)) throw httpErrors.notAcceptable();
    return { digest, mediaType, latin1 };
  }

  /** A manifest's body, made again where the storage has lost or damaged it; undefined where that is not possible. */
  async #bodyOf(digest: Digest, asker: RequestAsker): Promise<ManifestBody | undefined> {
    const { bodies, builder } = this.#options;
    const stored = await readBody(bodies, digest);
    if (typeof stored !== 'string') return stored;
    if (stored === 'too-large') return undefined;
    const healed = await builder.heal(digest, { thorough: stored === 'corrupt', asker });
    const again = healed ? await readBody(bodies, digest) : stored;
    return typeof again === 'string' ? undefined : again;
  }
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
