import {
  type Build,
  type BuildError,
  type BuildStage,
  canonicalName,
  type LayerOrigin,
  type PlannedSize,
  systemsOf,
} from '@nixery/builder';
import type { ManifestRecord } from '@nixery/cache';

import { BuildLog } from './build-log.ts';
import type { BuildState, BuildView, FailureView, LayerView, LogPart } from './view.ts';

/** `/nix/store/<32 characters>-` */
const STORE_PREFIX_LENGTH = '/nix/store/'.length + 33;

const INTERNAL = 'something is wrong with this server; its log has more under this build’s id';

interface Layer {
  readonly planned: PlannedSize;
  bytes: number | null;
  origin: LayerOrigin | null;
}

/** What is remembered of one build for those who look at it. */
export class FollowedBuild {
  readonly log = new BuildLog();
  /** The image's name, to be pulled by. */
  readonly name: string;
  readonly #build: Build;
  readonly #startedAt = Date.now();
  readonly #layers = new Map<string, Layer>();
  #stage: BuildStage | null = null;
  #state: Exclude<BuildState, 'queued'> = 'running';
  #isQueued = false;
  #elapsedMs: number | undefined;
  #digest: string | null = null;
  #failure: FailureView | null = null;

  constructor(build: Build) {
    this.#build = build;
    this.name = canonicalName(build.request);
  }

  get id(): string {
    return this.#build.id;
  }

  get state(): BuildState {
    return this.#state === 'running' && this.#isQueued ? 'queued' : this.#state;
  }

  /** What it has built. */
  get digest(): string | null {
    return this.#digest;
  }

  begin(stage: BuildStage): void {
    this.#stage = stage;
    // A second attempt, after the package source was brought up to date, plans anew.
    if (stage === 'fetch') this.#layers.clear();
  }

  queue(isQueued: boolean): void {
    this.#isQueued = isQueued;
  }

  plan(layers: readonly PlannedSize[]): void {
    for (const planned of layers) {
      this.#layers.set(planned.key, { planned, bytes: null, origin: null });
    }
  }

  packed(key: string, bytes: number): void {
    const layer = this.#layers.get(key);
    if (layer !== undefined) layer.bytes = bytes;
  }

  stored(key: string, origin: LayerOrigin, bytes: number): void {
    const layer = this.#layers.get(key);
    if (layer === undefined) return;
    layer.origin = origin;
    layer.bytes = bytes;
  }

  finish(record: ManifestRecord): void {
    this.#end('done');
    this.#digest = record.forms.oci?.digest ?? null;
  }

  fail(error: BuildError): void {
    this.#end('failed');
    const { derivation = null, log = [] } = error.details;
    // What is wrong with the server is for its operator, who has the log.
    const message = error.code === 'internal' ? INTERNAL : error.message;
    this.#failure = { code: error.code, message, derivation, log };
  }

  view(): BuildView {
    const { id, purpose, request, stages, waiting } = this.#build;
    return {
      id,
      name: this.name,
      packages: request.packages,
      systems: systemsOf(request),
      tag: request.reference,
      purpose,
      state: this.state,
      startedAt: this.#startedAt,
      elapsedMs: this.#elapsedMs ?? this.#build.elapsedMs,
      stage: this.#stage,
      stages,
      waiting,
      layers: [...this.#layers.values()].map(viewLayer),
      digest: this.#digest,
      failure: this.#failure,
    };
  }

  linesSince(from: number): LogPart {
    return this.log.since(from);
  }

  #end(state: 'done' | 'failed'): void {
    this.#state = state;
    this.#elapsedMs = this.#build.elapsedMs;
  }
}

function viewLayer({ bytes, origin, planned }: Layer): LayerView {
  const packedState = bytes === null ? 'missing' : 'packed';
  return {
    paths: planned.paths.map((path) => path.slice(STORE_PREFIX_LENGTH)),
    narBytes: planned.narBytes,
    state: origin === null ? packedState : 'stored',
    origin,
    bytes,
  };
}
