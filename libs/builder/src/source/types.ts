/** What a reference stands for at this moment. */
export interface Revision {
  /** The commit, in hex. Null where the source has no such thing: a plain folder. */
  readonly commit: string | null;
}

/** Where packages come from. */
export interface PackageSource {
  readonly kind: 'path' | 'git' | 'channel';
  /** Tells sources apart in cache keys and in messages; holds no credentials. */
  readonly id: string;
  /** Whether an image's tag chooses the revision. Where it does not, all tags give the same image. */
  readonly usesReference: boolean;

  /** Whether what `reference` stands for may change with time; false for a commit. */
  isMoving(reference: string): boolean;

  /**
   * Finds out what `reference` stands for.
   *
   * @throws BuildError `reference-not-found`, `source-unavailable`, `deadline`, `stopping`
   */
  resolve(reference: string, signal: AbortSignal): Promise<Revision>;

  /**
   * Makes the package set of a revision readable on this machine.
   *
   * @returns the path of a folder or file to `import`, which stays while the server runs
   * @throws BuildError `source-unavailable`, `deadline`, `stopping`
   */
  provide(revision: Revision, signal: AbortSignal): Promise<string>;

  /**
   * Tells states of a package set that has no commits apart: in the same state, the same names are the same packages. Sources whose
   * revisions have commits have no such method.
   *
   * @returns undefined where it may be another one at any moment
   */
  state?(): Promise<string | undefined>;

  /**
   * Brings the package set up to date after something of it could not be built: what it wants to fetch may be gone.
   * Sources that are fetched themselves have nothing to do here, and no such method.
   *
   * @param beganAt when the build that failed began, as `performance.now()` tells it (ms)
   * @returns whether building once more may go better
   */
  refresh?(signal: AbortSignal, beganAt: number): Promise<boolean>;
}

export const COMMIT = /^[0-9a-f]{40}$/;
