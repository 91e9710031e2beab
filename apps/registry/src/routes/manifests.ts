import {
  type Builder,
  canonicalName,
  isIndexRequest,
  parsePullRequest,
  type PullRequest,
  requestOfChild,
  type System,
} from '@nixery/builder';
import type { CacheClient, ManifestForms } from '@nixery/cache';
import { BlobError, type Digest } from '@nixery/storage';

import type { Caller } from '../access/caller.ts';
import type { PackageAccess } from '../access/package-access.ts';
import { RequestAsker } from '../http/asker.ts';
import { accepts, chooseForm, type Form } from '../http/accept.ts';
import { parseDigest } from '../http/digest.ts';
import { httpErrors } from '../http/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { hold, type HoldTimes } from '../http/hold.ts';
import { hasMatch } from '../http/respond.ts';
import type { ManifestBodies, ManifestBody } from '../manifest-bodies.ts';
import { Recent } from '../recent.ts';

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

/** Names and tags whose reading is remembered, a kilobyte or so each. */
const MAX_REQUESTS = 20_000;

/** `GET, HEAD /v2/<name>/manifests/<reference>` */
export class ManifestRoute {
  readonly #options: ManifestRouteOptions;
  /** By name and tag: one image is one request, whose key need not be computed anew. */
  readonly #requests = new Recent<string, PullRequest>({ maxSize: MAX_REQUESTS });
  /** Of those, the ones whose tag the cache has been told. */
  readonly #listed = new WeakSet<PullRequest>();

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
      : this.#byListedTag(this.#parse(name, reference), accept, asker);
    const held = await hold(exchange, manifest, this.#options.holdTimes);
    if (held.over) return;
    this.#options.onPull(held.value.digest, exchange.isHead);
    send(exchange, held.value);
  }

  #parse(name: string, tag: string): PullRequest {
    // No tag holds a colon.
    const reference = `${name}:${tag}`;
    const known = this.#requests.get(reference);
    if (known !== undefined) return known;
    const request = parsePullRequest(name, tag, this.#options.systems);
    this.#requests.set(reference, request);
    return request;
  }

  /** The manifest of an image, whose tag is listed from then on: another tag's build may have made it. */
  async #byListedTag(
    request: PullRequest,
    accept: string | undefined,
    asker: RequestAsker,
  ): Promise<Manifest> {
    const manifest = await this.#byTag(request, accept, asker);
    if (!this.#listed.has(request)) {
      const isKept = await this.#options.cache.putTag(canonicalName(request), request.reference);
      if (isKept) this.#listed.add(request);
    }
    return manifest;
  }

  async #byTag(
    request: PullRequest,
    accept: string | undefined,
    asker: RequestAsker,
  ): Promise<Manifest> {
    this.#options.access.requirePackages(asker.caller, request.packages);
    const form = chooseForm(accept, isIndexRequest(request) ? 'index' : 'image');
    if (form !== undefined) return await this.#inForm(request, form, asker);
    if (!isIndexRequest(request)) throw httpErrors.notAcceptable();
    // A client that knows of no indexes gets an image, as other registries do it.
    return await this.#byTag(requestOfChild(request, request.systems[0]), accept, asker);
  }

  /** The manifest of an image. One that the storage has lost is made again; one that comes out otherwise is built anew. */
  async #inForm(request: PullRequest, form: Form, asker: RequestAsker): Promise<Manifest> {
    for (let attempt = 1; ; attempt++) {
      const { [form]: descriptor } = await this.#formsOf(request, form, asker);
      if (descriptor === undefined) throw httpErrors.notAcceptable();
      const { digest, mediaType } = descriptor;
      const body = await this.#bodyOf(digest, asker);
      if (body !== undefined) return { digest, mediaType, latin1: body.latin1 };
      if (attempt > 1) throw httpErrors.manifestUnknown(digest);
      await this.#options.cache.dropManifest({ digest });
    }
  }

  async #formsOf(
    request: PullRequest,
    form: Form,
    asker: RequestAsker,
  ): Promise<ManifestForms['forms']> {
    const { access, builder } = this.#options;
    if (!asker.caller.rules.hasLists) return (await builder.forms(request, form, asker)).forms;
    const record = await builder.image(request, form, asker);
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
