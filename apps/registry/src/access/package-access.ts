import { type Builder, parseImageName, parsePullRequest, type System } from '@nixery/builder';
import {
  type BlobRole,
  type CacheClient,
  CacheError,
  type ManifestRecord,
  Recent,
} from '@nixery/cache';
import type { Digest } from '@nixery/storage';
import { LRUCache } from 'lru-cache';

import { httpErrors } from '../http/errors.ts';
import type { Caller } from './caller.ts';
import type { Rules } from './policy.ts';

/** Answers remembered, for all lists together. */
const MAX_REMEMBERED = 200_000;
/** Names whose packages are remembered, a kilobyte or so each: of one image there are dozens of blobs. */
const MAX_NAMES = 5_000;
/** How long a digest stays refused (ms): an image that is allowed may come to hold it. */
const REFUSED_MS = 10_000;
/** Images looked at in one go: about a millisecond of the cache's time. */
const PAGE = 200;

export interface PackageAccessOptions {
  readonly builder: Pick<Builder, 'image'>;
  readonly cache: Pick<CacheClient, 'listHolders'>;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
}

/**
 * Lists of packages, applied to what is asked for. A digest is given to whom an image with it is allowed: a blob that an
 * allowed image shares with others is in their hands anyway.
 */
export class PackageAccess {
  readonly #options: PackageAccessOptions;
  readonly #packages = new Recent<string, readonly string[]>(MAX_NAMES);
  readonly #granted = new Recent<string, true>(MAX_REMEMBERED);
  /** It takes memory as it fills: told `max`, it would take all of it at once, at start. */
  readonly #refused = new LRUCache<string, string>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: () => 1,
    ttl: REFUSED_MS,
  });

  constructor(options: PackageAccessOptions) {
    this.#options = options;
  }

  /** @throws HttpError 403 when one of these packages is not for the caller */
  requirePackages({ rules }: Caller, packages: readonly string[]): void {
    const refusal = rules.refusal(packages);
    if (refusal !== undefined) throw httpErrors.denied(refusal);
  }

  /** The same for an image's name. @throws BuildError `name-invalid` */
  requireName(caller: Caller, name: string): void {
    this.requirePackages(caller, this.#packagesOf(name));
  }

  /** Whether the caller may have an image of these packages. */
  allows({ rules }: Caller, packages: readonly string[]): boolean {
    return rules.refusal(packages) === undefined;
  }

  /** The same for the image of a name. */
  allowsName(caller: Caller, name: string): boolean {
    return this.allows(caller, this.#packagesOf(name));
  }

  /** To be told which image was given to whom: they will ask for its blobs. */
  granted({ rules }: Caller, { children = [], config, forms, layers }: ManifestRecord): void {
    if (!rules.hasLists) return;
    const manifests = Object.values(forms).map(({ digest }) => digest);
    for (const digest of [...manifests, config, ...layers, ...children]) {
      const key = keyOf(rules, digest);
      // What is there stays where it is: they are granted again with each pull.
      if (this.#granted.get(key) !== true) this.#granted.set(key, true);
    }
  }

  /**
   * Whether anything is known of this digest, where lists say that only what is known may be given.
   *
   * @param name of the image as part of which it is asked for
   * @throws HttpError 403 when no image that the caller may have holds it; BuildError `name-invalid` and others
   */
  async requireDigest(caller: Caller, name: string, digest: Digest): Promise<boolean> {
    const { rules } = caller;
    this.requireName(caller, name);
    if (!rules.hasLists) return true;
    const key = keyOf(rules, digest);
    if (this.#granted.get(key) === true) return true;
    const refused = this.#refused.get(key) ?? (await this.#refusal(rules, digest));
    if (refused === undefined) {
      this.#granted.set(key, true);
      return true;
    }
    if (refused === UNKNOWN) return await this.#isPartOf(caller, name, digest);
    this.#refused.set(key, refused);
    throw httpErrors.denied(refused);
  }

  #packagesOf(name: string): readonly string[] {
    const known = this.#packages.get(name);
    if (known !== undefined) return known;
    const { packages } = parseImageName(name, 'latest');
    this.#packages.set(name, packages);
    return packages;
  }

  /** Why no image known here lets the caller have it; undefined when one does. */
  async #refusal(rules: Rules, digest: Digest): Promise<string | undefined> {
    let refusal: string = UNKNOWN;
    for (const role of ['manifest', 'content'] as const) {
      for await (const name of this.#holders(digest, role)) {
        const refused = rules.refusal(this.#packagesOf(name));
        if (refused === undefined) return undefined;
        refusal = `no image that is allowed holds ${digest}: ${refused}`;
      }
    }
    return refusal;
  }

  async *#holders(digest: Digest, role: BlobRole): AsyncGenerator<string> {
    const { cache } = this.#options;
    for (let before: number | undefined; ;) {
      const page = await listed(() =>
        cache.listHolders(digest, role, { limit: PAGE, ...(before !== undefined && { before }) }),
      );
      for (const { name } of page) yield name;
      before = page.at(-1)?.position;
      if (page.length < PAGE) return;
    }
  }

  /**
   * For a server that has not seen the digest, since another one of several gave the manifest: whether the image of this
   * name holds it now.
   */
  async #isPartOf(caller: Caller, name: string, digest: Digest): Promise<boolean> {
    const { builder, systems } = this.#options;
    for (const form of ['oci', 'docker'] as const) {
      const { client } = caller;
      const record = await builder.image(parsePullRequest(name, 'latest', systems), form, {
        client,
      });
      this.granted(caller, record);
      if (this.#granted.get(keyOf(caller.rules, digest)) === true) return true;
    }
    return false;
  }
}

/** In place of a reason: nothing is known of a digest. */
const UNKNOWN = '';

function keyOf({ id }: Rules, digest: Digest): string {
  return `${id} ${digest}`;
}

/** Without the cache nothing is known of a digest, which must not be taken for there being no such image. */
async function listed<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CacheError) throw httpErrors.notNow(error);
    throw error;
  }
}
