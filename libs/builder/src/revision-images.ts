import type { CacheClient, ManifestRecord } from '@nixery/cache';

import type { Build } from './build.ts';
import { BuildError } from './errors.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageRequest } from './image-name.ts';
import type { SharedRecords } from './shared-records.ts';
import { SingleFlight } from './single-flight.ts';
import type { Revision } from './source/index.ts';

export interface RevisionImagesOptions {
  readonly cache: CacheClient;
  readonly images: ImageBuilder;
  /** Undefined for a source without commits: its folder is known to this machine only. */
  readonly shared: SharedRecords | undefined;
}

/** Images by revision key: from this server's cache, from another server's work, or built. Two tags of one commit are one image. */
export class RevisionImages {
  readonly #options: RevisionImagesOptions;
  readonly #running = new SingleFlight<ManifestRecord>();

  constructor(options: RevisionImagesOptions) {
    this.#options = options;
  }

  /** @throws BuildError */
  async obtain(
    build: Build<ImageRequest>,
    revision: Revision,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    const { images } = this.#options;
    const { commit } = revision;
    if (commit === null) return await images.build(build, revision, signal);
    const key = images.revisionKey(build.request, build.form, commit);
    for (;;) {
      const others = this.#running.get(key);
      try {
        return await (others ??
          this.#running.join(key, () => this.#obtain(key, commit, build, signal)));
      } catch (error) {
        // Another build's time was over, and it is that which ended it: this one has some left.
        if (others === undefined || signal.aborted || !wasEnded(error)) throw error;
      }
    }
  }

  async #obtain(
    key: string,
    commit: string,
    build: Build<ImageRequest>,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    const { cache, images, shared } = this.#options;
    const hit = await cache.getManifest(key);
    if (hit !== null) {
      build.level = 'revision';
      return hit.record;
    }
    const adopted = await shared?.findManifest(key, commit);
    if (adopted) build.level = 'second-level';
    const record =
      adopted ?? (await this.#built(key, await images.build(build, { commit }, signal)));
    await cache.putManifest(key, 'pinned', record);
    return record;
  }

  async #built(key: string, record: ManifestRecord): Promise<ManifestRecord> {
    const { shared } = this.#options;
    return shared === undefined ? record : await shared.publishManifest(key, record);
  }
}

function wasEnded(error: unknown): boolean {
  return error instanceof BuildError && (error.code === 'stopping' || error.code === 'deadline');
}
