import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { LayerRecord, ManifestRecord } from '@nixery/cache';

import { chooseCommand, composeConfig, describePaths, type Architecture } from './image/config.ts';
import type { JsonDocument } from './image/json.ts';
import { composeManifest, possibleForms } from './image/manifest.ts';
import type { System } from './image-name.ts';
import { isThere } from './is-there.ts';
import type { Package } from './nix/evaluate.ts';

export const ARCHITECTURES: Readonly<Record<System, Architecture>> = {
  'x86_64-linux': 'amd64',
  'aarch64-linux': 'arm64',
};

/** An image's documents, and what a manifest record says of them. */
export interface ComposedImage {
  readonly forms: ManifestRecord['forms'];
  readonly config: ManifestRecord['config'];
  /** What has to be stored, the config first. */
  readonly documents: readonly JsonDocument[];
}

/**
 * Makes config and manifests of an image whose layers are stored. Everything comes from records and from the packages'
 * store paths, so an image has the same digest whether its layers were packed now or are long known.
 */
export async function composeImage(
  system: System,
  packages: readonly Package[],
  layers: readonly LayerRecord[],
): Promise<ComposedImage> {
  const programs = packages.flatMap(({ mainProgram }) =>
    mainProgram === null ? [] : [mainProgram],
  );
  const config = composeConfig({
    architecture: ARCHITECTURES[system],
    layers: layers.map(({ diffId, paths }) => ({
      diffId,
      createdBy: paths.length === 0 ? 'nix symlinks' : describePaths(paths.map(({ path }) => path)),
    })),
    command: chooseCommand(await binaries(packages), programs),
    hasCaBundle: await anyHolds(packages, 'etc/ssl/certs/ca-bundle.crt'),
  });
  const manifests = possibleForms(layers).map(
    (form) => [form, composeManifest(form, { config, layers })] as const,
  );
  return {
    forms: Object.fromEntries(manifests.map(([form, manifest]) => [form, descriptorOf(manifest)])),
    config: config.digest,
    documents: [config, ...manifests.map(([, manifest]) => manifest)],
  };
}

function descriptorOf({ digest, size, mediaType }: JsonDocument) {
  return { digest, size, mediaType };
}

async function binaries(packages: readonly Package[]): Promise<readonly string[]> {
  const found = await Promise.all(
    packages.map(({ outPath }) => readdir(join(outPath, 'bin')).catch(() => [])),
  );
  return found.flat();
}

async function anyHolds(packages: readonly Package[], path: string): Promise<boolean> {
  const found = await Promise.all(packages.map(({ outPath }) => isThere(join(outPath, path))));
  return found.includes(true);
}
