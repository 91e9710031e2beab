import type { ManifestForm, System } from '@nixery/builder';
import type { Digest } from '@nixery/storage';

import type { PullCount } from './pull-counts.ts';

/** An image as people are shown it, from records alone. Times are ms, sizes bytes. */
export interface ImageView {
  /** The shortest name that asks for it. */
  readonly name: string;
  readonly tag: string;
  /** All that it holds, those that every image has included. */
  readonly packages: readonly string[];
  /** Its platform, or those of an index. */
  readonly systems: readonly System[];
  /** Null: this server knows of no such image. To pull it builds it. */
  readonly built: BuiltImage | null;
}

export interface BuiltImage {
  /** Since 1970. */
  readonly builtAt: number;
  /** The commit its packages come from; null for a folder. */
  readonly revision: string | null;
  /** Whether a pull is answered with it, and does not ask anew what its tag stands for. */
  readonly isFresh: boolean;
  /** Of what the tag stands for: an image's manifest, or an index. */
  readonly digests: readonly FormDigest[];
  readonly isIndex: boolean;
  readonly platforms: readonly PlatformImage[];
  /** Of all forms of it. */
  readonly pulls: PullCount | null;
}

export interface FormDigest {
  readonly form: ManifestForm;
  readonly digest: Digest;
}

export interface PlatformImage {
  readonly system: System;
  readonly digests: readonly FormDigest[];
  /** The lowest first; null where the storage does not have the manifest at hand. */
  readonly layers: readonly ImageLayer[] | null;
}

export interface ImageLayer {
  readonly digest: Digest;
  /** Compressed. */
  readonly size: number;
  /** Names of the store paths in it, without hashes; none in the layer of symbolic links. Null: only the summary is known. */
  readonly paths: readonly string[] | null;
  /** What is in it, in a line. */
  readonly summary: string;
  /** Names of other images that have it, the latest first. */
  readonly sharedWith: readonly string[];
  /** Whether more images have it than were looked at. */
  readonly isWidelyShared: boolean;
}
