import type { LayerFailure } from './error.ts';
import type { Compression, PackedLayer } from './types.ts';

/** What `packLayer` needs; structured-cloneable, so it can be sent to a worker. */
export interface PackLayerTask {
  /** `/nix/store/<hash>-<name>`, in any order. */
  readonly paths: readonly string[];
  /** The folder that holds the store paths on this machine, `/nix/store` unless told; entry names do not change. */
  readonly storeDir?: string;
  /** Where the layer is written; must not exist yet. Removed when packing fails. */
  readonly spoolFile: string;
  readonly compression: Compression;
}

/** What `packLayer` returns; structured-cloneable. */
export type PackLayerResult = { readonly ok: true; readonly layer: PackedLayer } | LayerFailure;

/** A package that was asked for by name, as far as the symlink layer cares. */
export interface LinkedPackage {
  /** The attribute as it was asked for: names the package in collisions. */
  readonly name: string;
  /** `/nix/store/<hash>-<name>`. */
  readonly path: string;
}

/** What `packSymlinkLayer` needs; structured-cloneable. */
export interface PackSymlinkLayerTask {
  /** In the order of precedence: the first to bring a path wins it. */
  readonly packages: readonly LinkedPackage[];
  /** As in {@link PackLayerTask}. */
  readonly storeDir?: string;
  /** As in {@link PackLayerTask}. */
  readonly spoolFile: string;
  readonly compression: Compression;
}

/** Several packages bring different things to one path of the image. */
export interface Collision {
  /** Absolute, in the image; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly path: string;
  /** The package that won, or `image` where the image's own entry did. */
  readonly kept: string;
  readonly dropped: readonly string[];
}

export interface PackedSymlinkLayer extends PackedLayer {
  readonly collisions: readonly Collision[];
  /** Names below the image's `/bin`, sorted: what a Cmd can name. */
  readonly binaries: readonly string[];
  /** Whether the CA bundle is at its usual places, so that SSL_CERT_FILE can name it. */
  readonly hasCaBundle: boolean;
}

/** What `packSymlinkLayer` returns; structured-cloneable. */
export type PackSymlinkLayerResult =
  { readonly ok: true; readonly layer: PackedSymlinkLayer } | LayerFailure;
