import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeConfig } from '../image/config.ts';
import type { JsonDocument } from '../image/json.ts';
import { composeManifest } from '../image/manifest.ts';
import type { PackedLayer } from '../layer/types.ts';

/**
 * Writes packed layers as an image in an OCI layout, which skopeo, umoci and podman read as `oci:<dir>:latest`.
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
 */
export async function writeOciLayout(dir: string, layers: readonly PackedLayer[]): Promise<void> {
  const config = composeConfig({
    architecture: 'amd64',
    layers: layers.map(({ diffId }, i) => ({ diffId, createdBy: `layer ${i}` })),
    command: undefined,
    hasCaBundle: false,
  });
  const manifest = composeManifest('oci', { config, layers });
  const { digest, size, mediaType } = manifest;
  const reference = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { digest, size, mediaType, annotations: reference };

  const blobs = join(dir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  await writeFile(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(dir, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [index] }),
  );
  for (const document of [config, manifest]) await writeDocument(blobs, document);
  for (const { digest, spoolFile } of layers) {
    await copyFile(spoolFile, join(blobs, digest.slice('sha256:'.length)));
  }
}

async function writeDocument(blobs: string, { bytes }: JsonDocument): Promise<void> {
  await writeFile(join(blobs, createHash('sha256').update(bytes).digest('hex')), bytes);
}
