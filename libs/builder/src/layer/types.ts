/** `sha256:` and 64 lower-case hex digits: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests */
export type Sha256Digest = `sha256:${string}`;

/** One node of the reference graph, as `nix-store --dump-db` states it. */
export interface StorePathInfo {
  /** `/nix/store/<hash>-<name>`. */
  readonly path: string;
  /** Hash of the path's NAR, base 16. */
  readonly narHash: Sha256Digest;
  /** Size of the path's NAR, in bytes. */
  readonly narSize: number;
  /** The store paths this one refers to, as `path` is written; may contain itself. */
  readonly references: readonly string[];
}

/** The store paths of one layer. */
export interface PlannedLayer {
  readonly paths: readonly StorePathInfo[];
}

/** Store paths by layer, the lowest layer first; every path is in exactly one of them. */
export type LayerPlan = readonly PlannedLayer[];

/**
 * How many store paths of a package set refer to one of a name (`glibc-2.40-66`); undefined for a name never heard of.
 * A `Map` will do.
 */
export interface PopularityCounts {
  get(name: string): number | undefined;
}

/** How a layer is compressed. It changes a layer's digest, so it belongs in every key a layer is found by. */
export interface Compression {
  readonly format: 'gzip' | 'zstd';
  /** The format's own: 1 (fast) to 9 (small) for gzip, 1 to 19 for zstd. */
  readonly level: number;
}

/** Compresses a stream of chunks; what comes out does not depend on how the stream was cut. */
export interface Compressor {
  /** Takes bytes that are valid during the call only. */
  push(chunk: Buffer): void;
  /** Writes what is left and what ends the stream; nothing may be pushed after. */
  finish(): void;
}

/** A layer in a file of its own, ready for storage. */
export interface PackedLayer {
  /** Of the compressed bytes: what a manifest names. */
  readonly digest: Sha256Digest;
  /** Of the tar: what an image config names. */
  readonly diffId: Sha256Digest;
  /** Compressed size, in bytes. */
  readonly size: number;
  /** Size of the tar, in bytes. */
  readonly uncompressedSize: number;
  readonly mediaType: string;
  /** Where the compressed bytes are; the caller's to move or remove. */
  readonly spoolFile: string;
}
