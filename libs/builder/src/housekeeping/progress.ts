/** How far long work has come. `total` is left out where it is not known. */
export interface Progress {
  readonly step: 'list' | 'manifests' | 'content' | 'records' | 'delete' | 'copy';
  readonly done: number;
  readonly total?: number;
}

/** What all housekeeping takes. */
export interface WorkOptions {
  /** Ends the work early, between two blobs; what is left is left as it was. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}
