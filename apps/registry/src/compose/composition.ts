import { BuildError, parsePullRequest, type PullRequest, type System } from '@nixery/builder';

import type { Caller } from '../access/caller.ts';
import type { Images } from '../images/images.ts';
import type { ImageView } from '../images/view.ts';
import type { FoundPackage, SearchAnswer } from '../search/found-package.ts';
import type { PackageSearch } from '../search/package-search.ts';
import { type Estimate, estimate } from './estimate.ts';
import { nameOf, type Selection } from './selection.ts';

/** Packages that one page shows. */
export const MAX_FOUND = 20;

/** What the composer's page shows. */
export interface Composition {
  readonly selection: Selection;
  /** Null where nothing is searched for, or nothing can be. */
  readonly found: Found | null;
  /** What is known of the chosen packages, by their part of the image's name. */
  readonly chosen: ReadonlyMap<string, FoundPackage>;
  /** Those of the chosen that the package set has no package for, as far as is known. */
  readonly unknown: readonly string[];
  readonly outcome: Outcome;
}

/** What a search found. */
export type Found = SearchAnswer;

type Outcome =
  | { readonly kind: 'empty' }
  /** There can be no such image, or not for whom looks. */
  | { readonly kind: 'refused'; readonly message: string }
  /** With an estimate where it is not built. */
  | { readonly kind: 'image'; readonly image: ImageView; readonly estimate: Estimate | null };

export interface ComposerOptions {
  readonly images: Images;
  /** Undefined: packages are added by their names. */
  readonly search: Pick<PackageSearch, 'search' | 'find'> | undefined;
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
}

/** Finds packages, and tells what an image of those chosen is or would be, from what is known: nothing is built for it. */
export class Composer {
  readonly #options: ComposerOptions;

  constructor(options: ComposerOptions) {
    this.#options = options;
  }

  /** @throws HttpError 429, CacheError, BlobError */
  async compose(selection: Selection, caller: Caller): Promise<Composition> {
    const [found, known, outcome] = await Promise.all([
      this.#search(selection, caller),
      this.#find(selection.packages, caller),
      this.#outcome(selection, caller),
    ]);
    const chosen = byImageName(known);
    // What is below the top need not be in the index to be had.
    const unknown = selection.packages.filter((name) => !chosen.has(name) && !name.includes('.'));
    return { selection, found, chosen, unknown: known?.state === 'ready' ? unknown : [], outcome };
  }

  /** What is known of packages, by their part of an image's name. */
  async details(
    imageNames: readonly string[],
    caller: Caller,
  ): Promise<ReadonlyMap<string, FoundPackage>> {
    return byImageName(await this.#find(imageNames, caller));
  }

  async #find(imageNames: readonly string[], { rules }: Caller): Promise<SearchAnswer | undefined> {
    if (imageNames.length === 0) return undefined;
    return await this.#options.search?.find(imageNames, { rules });
  }

  async #search({ query }: Selection, { rules }: Caller): Promise<Found | null> {
    const { search } = this.#options;
    if (search === undefined || query.trim() === '') return null;
    return await search.search(query, { limit: MAX_FOUND, rules });
  }

  async #outcome(selection: Selection, { rules }: Caller): Promise<Outcome> {
    const { images, systems } = this.#options;
    const name = nameOf(selection);
    if (name === null) return { kind: 'empty' };
    const request = read(name, selection.tag, systems);
    if (typeof request === 'string') return { kind: 'refused', message: request };
    const refusal = rules.refusal(request.packages);
    if (refusal !== undefined) return { kind: 'refused', message: refusal };
    const image = await images.find(request);
    const isKnown = image.built !== null;
    return {
      kind: 'image',
      image,
      estimate: isKnown ? null : await estimate(selection, { images, systems }),
    };
  }
}

function byImageName(answer: SearchAnswer | undefined): ReadonlyMap<string, FoundPackage> {
  return new Map(answer?.packages.map((found) => [found.imageName, found]));
}

/** The request, or why there can be none. */
function read(name: string, tag: string, systems: readonly System[]): PullRequest | string {
  try {
    return parsePullRequest(name, tag === '' ? 'latest' : tag, systems);
  } catch (error) {
    if (error instanceof BuildError) return error.message;
    throw error;
  }
}
