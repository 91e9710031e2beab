import { BlobError, type BlobOpener, type Digest, digestOf, readBlob } from '@nixery/storage';
import { z } from 'zod';

/** distribution-spec, "Pushing Manifests": 4 MiB is what registries should take. Ours have a hundredth of it. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const descriptor = z.object({ digest, size: z.int().nonnegative() });
/** image-spec, manifest.md and image-index.md; Docker's schema 2 has the same fields. */
const imageSchema = z.object({ config: descriptor, layers: z.array(descriptor) });
const indexSchema = z.object({ manifests: z.array(descriptor) });

export type BlobReference = z.infer<typeof descriptor>;

/** What a manifest refers to. */
export interface ManifestBlob {
  /** Images with the same config are one image in several forms; an index has none. */
  readonly config: Digest | null;
  readonly references: readonly BlobReference[];
}

/** What a blob is, as far as references go. */
export type ReadManifest = ManifestBlob | 'no-manifest' | 'missing' | 'damaged';

/**
 * Reads a blob as a manifest.
 *
 * @throws BlobError of a storage that fails
 */
export async function readManifestBlob(store: BlobOpener, digest: Digest): Promise<ReadManifest> {
  try {
    const bytes = await readBlob(store, digest, MAX_MANIFEST_BYTES);
    if (digestOf(bytes) !== digest) return 'damaged';
    return parseManifest(bytes);
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    if (error.code === 'not-found') return 'missing';
    if (error.code === 'corrupt') return 'damaged';
    if (error.code === 'invalid') return 'no-manifest';
    throw error;
  }
}

/** The same for a blob that may well be none: looks at its first byte before it reads all. */
export async function readIfManifest(store: BlobOpener, digest: Digest): Promise<ReadManifest> {
  return (await startsAsJson(store, digest))
    ? await readManifestBlob(store, digest)
    : 'no-manifest';
}

function parseManifest(bytes: Uint8Array): ManifestBlob | 'no-manifest' {
  const document = parseJson(bytes);
  const image = imageSchema.safeParse(document);
  if (image.success) {
    const { config, layers } = image.data;
    return { config: config.digest, references: [config, ...layers] };
  }
  const index = indexSchema.safeParse(document);
  return index.success ? { config: null, references: index.data.manifests } : 'no-manifest';
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

async function startsAsJson(store: BlobOpener, digest: Digest): Promise<boolean> {
  try {
    const opened = await store.open(digest, { first: 0, last: 0 });
    if (!opened.satisfiable) return false;
    try {
      for await (const chunk of opened.body as AsyncIterable<Buffer>) return chunk[0] === 0x7b;
      return false;
    } finally {
      opened.body.destroy();
    }
  } catch (error) {
    if (error instanceof BlobError && ['not-found', 'corrupt'].includes(error.code)) return false;
    throw error;
  }
}
