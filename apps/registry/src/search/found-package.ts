import type { RefusalReason } from '@nixery/builder';

/** A package that a search found. Its texts are whatever the package set says: data, for people, to be escaped. */
export interface FoundPackage {
  /** In the package set's own spelling: `python3Packages.requests`. */
  readonly attribute: string;
  /** As a part of an image's name: `python3packages.requests`. */
  readonly imageName: string;
  readonly name: string;
  /** '' where the package says none; the same holds for the description and the licence. */
  readonly version: string;
  readonly description: string;
  /** SPDX identifiers, separated by commas. */
  readonly licence: string;
  /** What it is run by, '' where that is not known. */
  readonly mainProgram: string;
  /** Whether an image can have it, as far as the package itself says. */
  readonly available: boolean;
  /** Why not; null where it is available. */
  readonly reason: RefusalReason | null;
}

/**
 * How far the index is.
 *
 * - `off`: there is none
 * - `starting`: nothing can be found yet
 * - `building`: what has been read so far can be found
 * - `ready`: all can be found
 * - `failed`: nothing can be found, since the package set cannot be read; it is tried again
 * - `busy`: nothing was looked for, since too many ask
 */
export type SearchState = 'off' | 'starting' | 'building' | 'ready' | 'failed' | 'busy';

/** How much there is to find. */
export interface IndexStatus {
  readonly state: SearchState;
  /** The commit of the package set; null for a folder, and where there is no index. */
  readonly revision: string | null;
  /** Packages that can be found. */
  readonly indexed: number;
  /** Attributes of the package set that have been looked at, of `total` that are known by now. */
  readonly examined: number;
  readonly total: number;
}

/** What a search answers. */
export interface SearchAnswer extends IndexStatus {
  /** The best first. */
  readonly packages: readonly FoundPackage[];
  /** Whether nothing has all of the words that were asked for, and these have some of them. */
  readonly partial: boolean;
}

export const EMPTY_STATUS: IndexStatus = {
  state: 'off',
  revision: null,
  indexed: 0,
  examined: 0,
  total: 0,
};
