import { join } from 'node:path';
import { hexOf, type Digest } from '../digest.ts';
import { splitObjectName, type ObjectFolder, type ObjectName } from '../object-name.ts';

/** The folders of a store: as in Nixery, so that its storage path can be taken over, and one for unfinished files. */
export interface Layout {
  readonly root: string;
  /** Every blob, whatever its kind: `layers/<sha256 hex>`. */
  readonly layers: string;
  /** Those of named objects. */
  readonly objects: Readonly<Record<ObjectFolder, string>>;
  /** Below the root, so that a rename into the other folders stays within one filesystem. */
  readonly temporary: string;
}

export function layoutOf(root: string): Layout {
  return {
    root,
    layers: join(root, 'layers'),
    objects: {
      manifests: join(root, 'manifests'),
      builds: join(root, 'builds'),
      images: join(root, 'images'),
      contents: join(root, 'contents'),
      pulls: join(root, 'pulls'),
      gc: join(root, 'gc'),
    },
    temporary: join(root, 'tmp'),
  };
}

/** @throws BlobError `invalid` for a malformed digest. */
export function blobPath(layout: Layout, digest: Digest): string {
  return join(layout.layers, hexOf(digest));
}

/** @throws BlobError `invalid` if the name is malformed. */
export function objectPath(layout: Layout, name: ObjectName): string {
  const { folder, key } = splitObjectName(name);
  return join(layout.objects[folder], key);
}
