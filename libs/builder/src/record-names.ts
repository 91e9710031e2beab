import { type Digest, hexOf, type ObjectName } from '@nixery/storage';

/**
 * Where the storage's objects of each kind lie. `v1` is their form: another form takes another name, and what has another
 * name (of Nixery, of a later version of this server) is read by nobody here, and left alone.
 */
export const RECORD_PREFIXES = {
  /** Images by revision key. */
  revisions: 'manifests/v1.',
  /** Layers by layer key. */
  layers: 'builds/v1.',
  /** Images by the digest of each of their manifests. */
  images: 'images/v1.',
  /** Of each config, and of each layer where it was packed: the manifest of an image that it is part of. */
  contents: 'contents/v1.',
  /** When manifests were pulled. */
  pulls: 'pulls/v1.',
  /** What is being built with. */
  leases: 'gc/v1.lease.',
  /** What is being deleted. */
  sweeps: 'gc/v1.sweep.',
} as const satisfies Record<string, ObjectName>;

export function revisionRecordName(key: string): ObjectName {
  return `${RECORD_PREFIXES.revisions}${key}`;
}

export function layerRecordName(key: string): ObjectName {
  return `${RECORD_PREFIXES.layers}${key}`;
}

export function imageRecordName(digest: Digest): ObjectName {
  return `${RECORD_PREFIXES.images}${hexOf(digest)}`;
}

export function contentRecordName(digest: Digest): ObjectName {
  return `${RECORD_PREFIXES.contents}${hexOf(digest)}`;
}
