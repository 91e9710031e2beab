/** A storage folder of very many small blobs, as images leave them. */
import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of an image; with its config and its manifest it has 98 blobs. */
const LAYERS = 96;
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Images that share nothing, each with a record of its manifest.
 *
 * @param blobs about so many
 */
export function fillStorage(
  root: string,
  blobs: number,
): { readonly blobs: number; readonly manifests: number } {
  for (const name of ['layers', 'images']) mkdirSync(join(root, name), { recursive: true });

  function put(content: string, mediaType: string): Descriptor {
    const hex = hash('sha256', content, 'hex');
    writeFileSync(join(root, 'layers', hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  }

  const manifests = Math.max(1, Math.round(blobs / (LAYERS + 2)));
  for (let image = 0; image < manifests; image++) {
    const config = put(
      JSON.stringify({ architecture: 'amd64', image }),
      'application/vnd.oci.image.config.v1+json',
    );
    const layers = Array.from({ length: LAYERS }, (_, layer) =>
      put(`layer ${layer} of ${image}`, GZIP),
    );
    const document = { schemaVersion: 2, mediaType: OCI, config, layers };
    const { digest } = put(JSON.stringify(document), OCI);
    writeFileSync(join(root, 'images', `v1.${digest.slice('sha256:'.length)}`), '{}');
  }
  return { blobs: manifests * (LAYERS + 2), manifests };
}
