import type { CacheClient, Descriptor, ManifestRecord } from '@nixery/cache';
import type { BlobStore } from '@nixery/storage';

import { Build } from './build.ts';
import type { Builds } from './builds.ts';
import { ARCHITECTURES } from './compose.ts';
import { BuildError } from './errors.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageRecords } from './image-records.ts';
import {
  type ImageRequest,
  type IndexRequest,
  namedPackages,
  requestOfChild,
} from './image-name.ts';
import { describeRequest } from './image-request.ts';
import { composeIndex } from './image/image-index.ts';
import type { JsonDocument } from './image/json.ts';
import type { ManifestForm } from './image/media-types.ts';
import type { Leases } from './leases.ts';
import type { RevisionImages } from './revision-images.ts';
import type { Revision } from './source/index.ts';

const FORMS: readonly ManifestForm[] = ['oci', 'docker'];

export interface IndexBuilderOptions {
  readonly builds: Builds;
  readonly cache: CacheClient;
  readonly images: ImageBuilder;
  readonly revisions: RevisionImages;
  readonly leases: Leases;
  readonly records: ImageRecords;
  readonly store: Pick<BlobStore, 'put'>;
}

/** Makes image indexes: one image a platform, all of one revision, built side by side. */
export class IndexBuilder {
  readonly #options: IndexBuilderOptions;

  constructor(options: IndexBuilderOptions) {
    this.#options = options;
  }

  /**
   * A platform is left out where none of the named packages is for it; whatever else fails there fails the index.
   *
   * @throws BuildError
   */
  async build(build: Build<IndexRequest>, revision: Revision): Promise<ManifestRecord> {
    const { request } = build;
    const children = await Promise.all(
      request.systems.map((system) =>
        this.#child(build, requestOfChild(request, system), revision),
      ),
    );
    const [first, ...others] = children.filter((child) => 'record' in child);
    if (first === undefined) throw noPlatform(children);
    return await build.during('compose', () =>
      this.#compose(request, revision, [first, ...others]),
    );
  }

  async #child(parent: Build, request: ImageRequest, revision: Revision): Promise<Child> {
    const { builds, cache, images, revisions } = this.#options;
    const { form } = parent;
    const { commit } = revision;
    const key =
      commit === null
        ? images.requestKey(request, form)
        : images.revisionKey(request, form, commit);
    try {
      const record = await builds.join(
        key,
        new Build(request, parent.purpose, form, { ids: parent.ids }),
        async (child, signal) => {
          // To heal is to pack what is missing, whatever is known.
          const found =
            parent.purpose === 'heal'
              ? await images.build(child, revision, signal)
              : await revisions.obtain(child, revision, signal);
          // Of a source without commits nothing else keeps it, and its blobs are healed by its record.
          if (commit === null) await cache.putManifest(key, 'moving', found);
          return found;
        },
        { isPart: true },
      );
      return { request, record };
    } catch (error) {
      if (isForOtherPlatforms(error, request)) return { refusal: error };
      throw error;
    }
  }

  async #compose(
    request: IndexRequest,
    { commit }: Revision,
    [first, ...others]: readonly [BuiltChild, ...BuiltChild[]],
  ): Promise<ManifestRecord> {
    const { leases, records, store } = this.#options;
    const images = [first, ...others];
    const forms: Partial<Record<ManifestForm, Descriptor>> = {};
    const documents: JsonDocument[] = [];
    for (const form of FORMS) {
      const document = indexOf(form, images);
      if (document === undefined) continue;
      const { digest, mediaType, size } = document;
      forms[form] = { digest, size, mediaType };
      documents.push(document);
    }
    const children = images.map(({ record }) => record);
    const record = {
      forms,
      config: first.record.config,
      layers: [...new Set(children.flatMap(({ layers }) => layers))],
      children: children.flatMap(({ config, forms }) => [
        ...Object.values(forms).map(({ digest }) => digest),
        config,
      ]),
      request: describeRequest(request),
      revision: commit,
      builtAt: Date.now(),
    };
    // The same images of another revision have the same index, which may be old by now.
    await leases.hold(documents.map(({ digest }) => digest));
    await Promise.all([
      records.keep(record),
      ...documents.map(({ bytes, digest, mediaType }) => store.put(digest, { bytes }, mediaType)),
    ]);
    return record;
  }
}

interface BuiltChild {
  readonly request: ImageRequest;
  readonly record: ManifestRecord;
}

type Child = BuiltChild | { readonly refusal: BuildError };

function noPlatform(children: readonly Child[]): BuildError {
  const refused = children.find((child) => 'refusal' in child);
  return refused?.refusal ?? new BuildError('internal', 'an index without platforms');
}

/** @returns undefined where an image has no manifest in this form: its layers are compressed in a way that Docker's cannot name */
function indexOf(form: ManifestForm, images: readonly BuiltChild[]): JsonDocument | undefined {
  const manifests = images.flatMap(({ record, request }) => {
    const { digest, size } = record.forms[form] ?? {};
    if (digest === undefined || size === undefined) return [];
    return [{ architecture: ARCHITECTURES[request.system], digest, size }];
  });
  return manifests.length === images.length ? composeIndex(form, manifests) : undefined;
}

/** Whether an image failed only because every package that its name asks for is for other platforms. */
function isForOtherPlatforms(error: unknown, request: ImageRequest): error is BuildError {
  if (!(error instanceof BuildError) || error.code !== 'package-refused') return false;
  const { problems = [] } = error.details;
  const unsupported = new Set(
    problems
      .filter((problem) => problem.kind === 'refused' && problem.reason === 'unsupported-system')
      .map(({ name }) => name),
  );
  return (
    problems.length === unsupported.size &&
    namedPackages(request).every((name) => unsupported.has(name))
  );
}
