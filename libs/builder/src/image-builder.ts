import type { Digest, LayerRecord, ManifestRecord } from '@nixery/cache';
import type { BlobPutter } from '@nixery/storage';

import type { Build, BuildEvent } from './build.ts';
import { composeImage } from './compose.ts';
import { BuildError, type BuildErrorCode } from './errors.ts';
import type { ImageRecords } from './image-records.ts';
import { type ImageRequest, isIndexRequest, type PullRequest } from './image-name.ts';
import { describeRequest } from './image-request.ts';
import type { ManifestForm } from './image/media-types.ts';
import { keyOf } from './keys.ts';
import type { LayerCache, WantedLayer } from './layer-cache.ts';
import { compressionFor } from './layer/compressor.ts';
import { LAYERING_VERSION, planLayers } from './layer/plan.ts';
import type { Popularity } from './layer/popularity.ts';
import { SYMLINK_LAYER_VERSION } from './layer/skeleton.ts';
import type { Collision } from './layer/task.ts';
import type { Compression, StorePathInfo } from './layer/types.ts';
import type { Leases } from './leases.ts';
import type { Allowances, Package } from './nix/evaluate.ts';
import type { PackageProvider } from './package-provider.ts';
import type { PackageSource, Revision } from './source/index.ts';
import { layerFormat } from './versions.ts';
import type { Workers } from './workers.ts';

/** Told one by one; two builds of one package collide in every file, of which there may be thousands. */
const MOST_COLLISIONS = 50;

/** What decides an image besides its request and the revision of its packages; part of every key. */
export interface ImageOptions {
  readonly allow: Allowances;
  readonly importFromDerivation: boolean;
  readonly layerBudget: number;
  /** How much of the package set refers to each path; undefined where that is not known. */
  readonly popularity?: Popularity | undefined;
  /** Of forms that can name it; others have gzip. */
  readonly compression: Compression;
}

export interface ImageBuilderOptions {
  readonly image: ImageOptions;
  readonly source: PackageSource;
  readonly packages: PackageProvider;
  readonly store: BlobPutter;
  readonly layers: LayerCache;
  readonly leases: Leases;
  readonly records: ImageRecords;
  readonly workers: Workers;
  readonly onEvent: (event: BuildEvent) => void;
}

/** An image's layers, lowest first, and which of them were packed for it. */
interface PackedLayers {
  readonly records: readonly LayerRecord[];
  readonly packed: readonly Digest[];
}

/** Where a newer package set may name what can be fetched and built. */
const MAY_BE_OUTDATED: ReadonlySet<BuildErrorCode> = new Set(['build-failed', 'hash-mismatch']);

/** The stages from a resolved request to a stored image. Knows nothing of who else asks for it. */
export class ImageBuilder {
  readonly #options: ImageBuilderOptions;

  constructor(options: ImageBuilderOptions) {
    this.#options = options;
  }

  /** What the threads of all builds do. */
  get load(): Workers['load'] {
    return this.#options.workers.load;
  }

  /** For what a client asked: the tag counts where the source uses it. */
  requestKey(request: PullRequest, form: ManifestForm): string {
    const { usesReference } = this.#options.source;
    return this.#key(request, form, { reference: usesReference ? request.reference : null });
  }

  /** For what that stood for at one time. */
  revisionKey(request: ImageRequest, form: ManifestForm, commit: string): string {
    return this.#key(request, form, { commit });
  }

  #key(
    request: PullRequest,
    form: ManifestForm,
    what: { readonly [name: string]: string | null },
  ): string {
    const { image, source } = this.#options;
    const { allow, compression, importFromDerivation, layerBudget, popularity } = image;
    return keyOf({
      ...what,
      source: { kind: source.kind, id: source.id },
      ...(isIndexRequest(request) ? { systems: request.systems } : { system: request.system }),
      packages: request.packages,
      allow: { ...allow },
      importFromDerivation,
      plan: {
        version: LAYERING_VERSION,
        budget: layerBudget,
        popularity: popularity?.digest ?? null,
      },
      symlinks: SYMLINK_LAYER_VERSION,
      layers: layerFormat(compressionFor(form, compression)),
    });
  }

  /**
   * Evaluates, realises, packs what is missing, and stores the image. Where something does not build, and the package
   * source can be brought up to date, once more after that.
   *
   * @throws BuildError
   */
  async build(
    build: Build<ImageRequest>,
    revision: Revision,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    const beganAt = performance.now();
    try {
      return await this.#attempt(build, revision, signal);
    } catch (error) {
      const { source } = this.#options;
      if (!(error instanceof BuildError) || !MAY_BE_OUTDATED.has(error.code)) throw error;
      if ((await source.refresh?.(signal, beganAt)) !== true) throw error;
      return await this.#attempt(build, revision, signal);
    }
  }

  async #attempt(
    build: Build<ImageRequest>,
    revision: Revision,
    signal: AbortSignal,
    anew = false,
  ): Promise<ManifestRecord> {
    const provided = await this.#options.packages.provide(build, revision, signal, { anew });
    try {
      // Packing is not ended half-way: others may wait for the same layers.
      if (signal.aborted) throw new BuildError('stopping', 'the server is stopping');
      const { packages, graph } = provided;
      const layers = await build.during('pack', () => this.#pack(build, packages, graph));
      return await build.during('compose', () =>
        this.#compose(build.request, revision, packages, layers),
      );
    } catch (error) {
      if (!provided.isRecalled || !(error instanceof BuildError)) throw error;
      if (error.code !== 'internal') throw error;
    } finally {
      await provided.release();
    }
    // What was remembered may no longer be in the Nix store.
    return await this.#attempt(build, revision, signal, true);
  }

  async #pack(
    build: Build<ImageRequest>,
    packages: readonly Package[],
    graph: readonly StorePathInfo[],
  ): Promise<PackedLayers> {
    const { image, workers, layers, onEvent } = this.#options;
    const { layerBudget, popularity } = image;
    const compression = compressionFor(build.form, image.compression);
    const format = layerFormat(compression);
    const plan = planLayers(graph, { budget: layerBudget, popularity });
    const wanted: WantedLayer[] = plan.map((planned) => {
      const paths = planned.paths
        .map(({ path, narHash }) => ({ path, narHash }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
      return {
        key: keyOf({ kind: 'store-paths', paths, format }),
        paths,
        pack: (spoolFile) =>
          workers.packLayer({ paths: paths.map(({ path }) => path), spoolFile, compression }),
      };
    });

    const hashes = new Map(graph.map(({ path, narHash }) => [path, narHash]));
    const linked = packages.map(({ requested, outPath }) => ({ name: requested, path: outPath }));
    const identity = linked.map((link) => ({ ...link, narHash: hashes.get(link.path) ?? '' }));
    wanted.push({
      key: keyOf({ kind: 'symlinks', version: SYMLINK_LAYER_VERSION, packages: identity, format }),
      paths: [],
      pack: async (spoolFile) => {
        const result = await workers.packSymlinkLayer({ packages: linked, spoolFile, compression });
        if (result.ok) this.#reportCollisions(build, result.layer.collisions);
        return result;
      },
    });
    const sizes = new Map(graph.map(({ path, narSize }) => [path, narSize]));
    onEvent({
      type: 'planned',
      build,
      layers: wanted.map(({ key, paths }) => ({
        key,
        paths: paths.map(({ path }) => path),
        narBytes: paths.reduce((sum, { path }) => sum + (sizes.get(path) ?? 0), 0),
      })),
    });
    const packed: Digest[] = [];
    const records = await layers.obtain(wanted, {
      packed: ({ key }, bytes) => onEvent({ type: 'packed', build, key, bytes }),
      stored: ({ key }, origin, record) => {
        build.layers[origin] += 1;
        if (origin === 'packed') packed.push(record.digest);
        onEvent({ type: 'layer', build, key, origin, record });
      },
    });
    return { records, packed };
  }

  #reportCollisions(build: Build<ImageRequest>, collisions: readonly Collision[]): void {
    const { onEvent } = this.#options;
    for (const collision of collisions.slice(0, MOST_COLLISIONS)) {
      onEvent({ type: 'collision', build, ...collision });
    }
    const count = collisions.length - MOST_COLLISIONS;
    if (count > 0) onEvent({ type: 'more-collisions', build, count });
  }

  async #compose(
    request: ImageRequest,
    revision: Revision,
    packages: readonly Package[],
    layers: PackedLayers,
  ): Promise<ManifestRecord> {
    const { leases, records, store } = this.#options;
    const image = await composeImage(request.system, packages, layers.records);
    const record = {
      forms: image.forms,
      config: image.config,
      layers: layers.records.map(({ digest }) => digest),
      request: describeRequest(request),
      revision: revision.commit,
      builtAt: Date.now(),
    };
    // The same packages of another revision make the same documents, which may be old by now.
    await leases.hold(image.documents.map(({ digest }) => digest));
    await Promise.all([
      records.keep(record, [image.config, ...layers.packed]),
      ...image.documents.map(({ digest, bytes, mediaType }) =>
        store.put(digest, { bytes }, mediaType),
      ),
    ]);
    return record;
  }

  async close(): Promise<void> {
    const { packages, workers } = this.#options;
    await workers.close();
    await packages.close();
  }
}
