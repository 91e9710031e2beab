import type { CacheClient, ManifestRecord } from '@nixery/cache';

import { Build, type BuildEvent } from './build.ts';
import { BuildError } from './errors.ts';
import { RecentFailures } from './failures.ts';
import type { ImageRequest } from './image-name.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { PackageSource } from './source/index.ts';

export interface BuilderOptions {
  readonly cache: CacheClient;
  readonly source: PackageSource;
  readonly images: ImageBuilder;
  /** Builds at the same time, those that wait for a thread included; more are refused as `overloaded`. */
  readonly maxBuilds: number;
  readonly onEvent: (event: BuildEvent) => void;
}

/** Images by request: from the cache where they are known, built once where they are not. */
export class Builder {
  readonly #options: BuilderOptions;
  /** Builds that run, by request key. */
  readonly #running = new Map<string, Promise<ManifestRecord>>();
  /** The same by revision key: two tags of one commit are one image. */
  readonly #byRevision = new Map<string, Promise<ManifestRecord>>();
  readonly #failures = new RecentFailures();
  readonly #stopped = new AbortController();

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** Builds that run or wait for a thread. */
  get inFlight(): number {
    return this.#running.size;
  }

  /**
   * The image that `request` asks for. All who ask for one image wait for one build; nobody who leaves ends it.
   *
   * @throws BuildError any code but `name-invalid`
   */
  async image(request: ImageRequest): Promise<ManifestRecord> {
    const { cache, images, source } = this.#options;
    const key = images.requestKey(request);
    const hit = await cache.getManifest(key);
    if (hit !== null) return hit.record;

    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    const failure = this.#failures.get(key);
    if (failure !== undefined) throw failure;
    if (this.#stopped.signal.aborted) throw new BuildError('stopping', 'the server is stopping');
    if (this.#running.size >= this.#options.maxBuilds) {
      throw new BuildError('overloaded', 'too many images are being built; try again in a moment');
    }

    const kind = source.isMoving(request.reference) ? 'moving' : 'pinned';
    const build = new Build(request);
    const promise = this.#build(build, key)
      .then(async (record) => {
        await cache.putManifest(key, kind, record);
        this.#options.onEvent({ type: 'done', build, record });
        return record;
      })
      .catch((cause: unknown) => {
        const error = asBuildError(cause);
        this.#failures.add(key, error);
        this.#options.onEvent({ type: 'failed', build, error });
        throw error;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, promise);
    this.#options.onEvent({ type: 'started', build });
    return await promise;
  }

  async #build(build: Build, requestKey: string): Promise<ManifestRecord> {
    const { cache, images, source } = this.#options;
    const { signal } = this.#stopped;
    const revision = await build.during('resolve', () =>
      source.resolve(build.request.reference, signal),
    );
    const { commit } = revision;
    if (commit === null) return await images.build(build, revision, signal);

    const key = images.revisionKey(build.request, commit);
    if (key === requestKey) return await images.build(build, revision, signal);
    const hit = await cache.getManifest(key);
    if (hit !== null) return hit.record;
    const running = this.#byRevision.get(key);
    if (running !== undefined) return await running;
    const promise = images
      .build(build, revision, signal)
      .then(async (record) => {
        await cache.putManifest(key, 'pinned', record);
        return record;
      })
      .finally(() => this.#byRevision.delete(key));
    this.#byRevision.set(key, promise);
    return await promise;
  }

  /**
   * Ends all builds and their Nix processes; those who wait get a `stopping` error. Later requests are answered from the
   * cache only.
   */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#running.values());
    await this.#options.images.close();
  }
}

function asBuildError(error: unknown): BuildError {
  if (error instanceof BuildError) return error;
  return new BuildError('internal', 'the image could not be built', { cause: error });
}
