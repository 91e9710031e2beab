import { randomUUID } from 'node:crypto';

import type { Digest, LayerRecord, ManifestRecord } from '@nixery/cache';

import type { Asker } from './asker.ts';
import type { BuildError } from './errors.ts';
import type { ManifestForm } from './image/media-types.ts';
import {
  type ImageRequest,
  type IndexRequest,
  isIndexRequest,
  type PullRequest,
} from './image-name.ts';
import type { NixEvent } from './nix/log.ts';
import type { SharedRecordsEvent } from './shared-records.ts';

/** What a build does, in this order; `cached` stages are left out. */
export type BuildStage = 'resolve' | 'fetch' | 'evaluate' | 'realise' | 'pack' | 'compose';

/**
 * Why a build was begun: somebody waits for the image, it is about to be too old, or the storage has lost a blob of it.
 */
export type BuildPurpose = 'request' | 'refresh' | 'heal';

/**
 * Where an image came from that was not known as asked for: known by its revision, made by another server, or built here,
 * which those who join a build see as well.
 */
export type BuildLevel = 'revision' | 'second-level' | 'built';

/** How an image came by a layer: it was there, it was packed for it, or for another image at the same time. */
export type LayerOrigin = 'known' | 'packed' | 'shared';

/** A layer of an image before it is packed. */
export interface PlannedSize {
  readonly key: string;
  /** Store paths in it; none in the layer of symbolic links. */
  readonly paths: readonly string[];
  /** Of its store paths, as Nix counts them (bytes). */
  readonly narBytes: number;
}

/** What happens in builds and around them, for logs, metrics and whoever follows them. */
export type BuildEvent =
  | { readonly type: 'started'; readonly build: Build }
  | { readonly type: 'stage'; readonly build: Build; readonly stage: BuildStage }
  /** Its stage waits for a thread, since other builds have them all, or has got one. */
  | { readonly type: 'queue'; readonly build: Build; readonly isQueued: boolean }
  /** It is known which layers the image will have. */
  | { readonly type: 'planned'; readonly build: Build; readonly layers: readonly PlannedSize[] }
  /** A layer has been compressed, and goes to the storage now. */
  | { readonly type: 'packed'; readonly build: Build; readonly key: string; readonly bytes: number }
  /** A layer is in the storage. */
  | {
      readonly type: 'layer';
      readonly build: Build;
      readonly key: string;
      readonly origin: LayerOrigin;
      readonly record: LayerRecord;
    }
  | { readonly type: 'nix'; readonly build: Build; readonly event: NixEvent }
  | {
      readonly type: 'collision';
      readonly build: Build;
      readonly path: string;
      readonly kept: string;
      readonly dropped: readonly string[];
    }
  /** So many collisions besides those that were told of. */
  | { readonly type: 'more-collisions'; readonly build: Build; readonly count: number }
  | { readonly type: 'done'; readonly build: Build; readonly record: ManifestRecord }
  | { readonly type: 'failed'; readonly build: Build; readonly error: BuildError }
  /** An image past its freshness was given, since the package source cannot be reached. */
  | {
      readonly type: 'stale';
      readonly request: PullRequest;
      readonly ageMs: number;
      readonly error: BuildError;
    }
  /** A blob that the storage had lost or held damaged is there again. */
  | { readonly type: 'healed'; readonly digest: Digest }
  /** Such a blob could not be made again: the images that held it are forgotten. */
  | { readonly type: 'lost'; readonly digest: Digest; readonly error: BuildError | undefined }
  | SharedRecordsEvent;

/** One image, or an index of images, being built, for everybody who asked for it. */
export class Build<R extends PullRequest = PullRequest> {
  readonly id: string = randomUUID();
  readonly request: R;
  readonly purpose: BuildPurpose;
  /** Which the image has in any case; its layers are compressed so that it can. */
  readonly form: ManifestForm;
  /** Who asked first; undefined where nobody did, or nobody is told apart. */
  readonly client: string | undefined;
  /** What led to it, by name, as whoever asked first told it. */
  readonly ids: Readonly<Record<string, string>>;
  level: BuildLevel = 'built';
  /** How many requests wait for it now. */
  waiting = 0;
  /** How many layers were known, packed, or packed by another build at the same time; the symlink layer included. */
  readonly layers = { known: 0, packed: 0, shared: 0 };
  readonly #startedAt = performance.now();
  readonly #stages: { readonly stage: BuildStage; ms: number }[] = [];
  #follower: (stage: BuildStage) => void = () => {};

  constructor(
    request: R,
    purpose: BuildPurpose,
    form: ManifestForm = 'oci',
    { client, ids = {} }: Asker = {},
  ) {
    this.request = request;
    this.purpose = purpose;
    this.form = form;
    this.client = client;
    this.ids = ids;
  }

  /** Has somebody told of each stage as it begins. */
  follow(follower: (stage: BuildStage) => void): void {
    this.#follower = follower;
  }

  /** Times one stage. */
  async during<T>(stage: BuildStage, action: () => Promise<T>): Promise<T> {
    const timing = { stage, ms: 0 };
    this.#stages.push(timing);
    this.#follower(stage);
    const begun = performance.now();
    try {
      return await action();
    } finally {
      timing.ms = Math.round(performance.now() - begun);
    }
  }

  /** ms since it began. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /** Times of the stages gone through (ms); a running one counts 0. */
  get stages(): Readonly<Partial<Record<BuildStage, number>>> {
    return Object.fromEntries(this.#stages.map(({ stage, ms }) => [stage, ms]));
  }
}

/** The build of whatever a tag stands for. */
export type PullBuild = Build<ImageRequest> | Build<IndexRequest>;

export function buildOf(
  request: PullRequest,
  purpose: BuildPurpose,
  form: ManifestForm,
  asker?: Asker,
): PullBuild {
  return isIndexRequest(request)
    ? new Build(request, purpose, form, asker)
    : new Build(request, purpose, form, asker);
}

export function isIndexBuild(build: PullBuild): build is Build<IndexRequest> {
  return isIndexRequest(build.request);
}
