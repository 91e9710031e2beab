import type { BuildPurpose, BuildStage, LayerOrigin, System } from '@nixery/builder';

/** One build as people are shown it: plain data, also what `/builds/<id>.json` gives. Times are ms, sizes bytes. */
export interface BuildView {
  readonly id: string;
  /** The image's name, to be pulled by. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Its platform, or those of an index. */
  readonly systems: readonly System[];
  readonly tag: string;
  readonly purpose: BuildPurpose;
  readonly state: BuildState;
  /** Since 1970. */
  readonly startedAt: number;
  readonly elapsedMs: number;
  /** The one under way, or the last one. */
  readonly stage: BuildStage | null;
  /** Of the stages that have ended. */
  readonly stages: Readonly<Partial<Record<BuildStage, number>>>;
  /** Requests that wait for it. */
  readonly waiting: number;
  readonly layers: readonly LayerView[];
  readonly digest: string | null;
  readonly failure: FailureView | null;
}

/** `queued`: it has begun, and its stage waits for one of the threads that other builds have. */
export type BuildState = 'queued' | 'running' | 'done' | 'failed';

export function isOver({ state }: Pick<BuildView, 'state'>): boolean {
  return state === 'done' || state === 'failed';
}

export interface LayerView {
  /** Names of the store paths in it, without hashes; none in the layer of symbolic links. */
  readonly paths: readonly string[];
  /** Uncompressed, as Nix counts. */
  readonly narBytes: number;
  readonly state: 'missing' | 'packed' | 'stored';
  readonly origin: LayerOrigin | null;
  /** Compressed; null as long as it is not known. */
  readonly bytes: number | null;
}

export interface FailureView {
  readonly code: string;
  readonly message: string;
  readonly derivation: string | null;
  readonly log: readonly string[];
}

/** Lines of a build's log; `first` is the number of the first of them, from 0, since old lines of a long log are dropped. */
export interface LogPart {
  readonly first: number;
  readonly lines: readonly string[];
}
