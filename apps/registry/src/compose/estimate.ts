import { BuildError, parsePullRequest, type System } from '@nixery/builder';

import type { Images } from '../images/images.ts';
import { partsOf, type Selection } from './selection.ts';

/** Parts that are looked up; of a larger selection the rest counts as not known. */
const MAX_PARTS = 16;

/** What an image that nobody has built may take, from images of its parts. Sizes in bytes, compressed. */
export interface Estimate {
  /** Of all layers that those images have. */
  readonly bytes: number;
  readonly layers: number;
  /** Names of the parts of which there is an image. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/**
 * What is known of the parts of a selection, each pulled by itself some time. An image of all of them shares most of those
 * layers, but not all: small paths are put together anew.
 *
 * @throws HttpError 429, CacheError, BlobError
 */
export async function estimate(
  selection: Selection,
  { images, systems }: { readonly images: Images; readonly systems: readonly System[] },
): Promise<Estimate> {
  const sizes = new Map<string, number>();
  const known: string[] = [];
  const unknown: string[] = [];
  for (const [index, part] of partsOf(selection).entries()) {
    const layers = index < MAX_PARTS ? await layersOf(part) : null;
    if (layers === null) {
      unknown.push(part);
      continue;
    }
    known.push(part);
    // The links of each are for it alone.
    for (const { digest, paths, size } of layers) if (paths?.length !== 0) sizes.set(digest, size);
  }
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { bytes, layers: sizes.size, known, unknown };

  async function layersOf(part: string) {
    const request = requestOf(part, selection, systems);
    const found = request && (await images.find(request));
    return found?.built?.platforms[0]?.layers ?? null;
  }
}

function requestOf(part: string, { tag }: Selection, systems: readonly System[]) {
  try {
    return parsePullRequest(part, tag === '' ? 'latest' : tag, systems);
  } catch (error) {
    if (error instanceof BuildError) return null;
    throw error;
  }
}
