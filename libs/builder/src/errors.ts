/** One package that could not be provided, in terms of the name that was asked for. */
export type PackageProblem =
  | { readonly kind: 'not-found'; readonly name: string; readonly suggestions: readonly string[] }
  | {
      readonly kind: 'not-a-package';
      readonly name: string;
      /** The Nix type found there: `set`, `lambda`, `string`, … */
      readonly type: string;
      /** For a set of packages: some names inside it. */
      readonly suggestions: readonly string[];
    }
  | { readonly kind: 'ambiguous'; readonly name: string; readonly candidates: readonly string[] }
  | {
      readonly kind: 'refused';
      readonly name: string;
      readonly reason: RefusalReason;
      /** What the package says of itself: its licence, its known vulnerabilities. */
      readonly details: readonly string[];
    }
  /** Evaluating the package failed: it was renamed or removed, or its expression is wrong. `message` is Nix's text. */
  | { readonly kind: 'throws'; readonly name: string; readonly message: string };

/** Why a package set refuses to build a package that it has; nixpkgs' `check-meta` distinguishes the same four. */
export type RefusalReason = 'unfree' | 'broken' | 'insecure' | 'unsupported-system';

/** What `BuildError.code` can be. */
export type BuildErrorCode =
  /** The image name or tag is outside the grammar or the limits. */
  | 'name-invalid'
  /** The tag names no branch, tag or commit of the package source. */
  | 'reference-not-found'
  /** At least one package does not exist, is ambiguous, or is no package. */
  | 'package-not-found'
  /** At least one package is unfree, broken, insecure or not for this platform. */
  | 'package-refused'
  /** The package set itself does not evaluate. */
  | 'evaluation-failed'
  /** Neither the Nix store nor a binary cache has a package, and nothing may be built. */
  | 'not-substitutable'
  /** A derivation failed. */
  | 'build-failed'
  /** What a derivation fetched is not what the package set says that it is. */
  | 'hash-mismatch'
  /** A derivation ran out of its time. */
  | 'timeout'
  /** The whole build ran out of its time. */
  | 'deadline'
  /** A store path cannot be put into an image. */
  | 'layer-refused'
  /** The package source (a git server, a channel's server) cannot be reached. */
  | 'source-unavailable'
  /** Too many builds are waiting. */
  | 'overloaded'
  /** The server is stopping. */
  | 'stopping'
  /** Nix, the disk or the storage failed us. */
  | 'internal';

/** Codes whose cause may be gone in a moment; all others would fail again the same way. */
const TRANSIENT: ReadonlySet<BuildErrorCode> = new Set([
  // A mirror may be in the middle of an update, and a package set behind it.
  'hash-mismatch',
  'timeout',
  'deadline',
  'source-unavailable',
  // A binary cache may be out of reach, or get the package by and by; asking it again costs next to nothing.
  'not-substitutable',
  'overloaded',
  'stopping',
  'internal',
]);

/** What a failure carries besides its code and message; plain data, so it survives a worker boundary. */
export interface BuildErrorDetails {
  readonly problems?: readonly PackageProblem[];
  /** Store path of the derivation that failed. */
  readonly derivation?: string;
  /** The end of that derivation's log, one entry a line. */
  readonly log?: readonly string[];
}

/** The one error class of this library. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: BuildErrorCode;
  readonly details: BuildErrorDetails;
  /** Id of the build that failed with it, where one was begun. */
  build: string | undefined;

  constructor(
    code: BuildErrorCode,
    message: string,
    options: BuildErrorDetails & { readonly cause?: unknown } = {},
  ) {
    const { cause, ...details } = options;
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.details = details;
  }

  /** Whether asking again soon may succeed. */
  get transient(): boolean {
    return TRANSIENT.has(this.code);
  }
}
