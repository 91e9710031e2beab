import type { Digest, LayerRecord, ManifestRecord } from '../records.ts';

/** The digest that stands for a number. */
export function digest(n: number): Digest {
  return `sha256:${n.toString(16).padStart(64, '0')}`;
}

/** An image whose blobs are numbered from `n` on: manifest `n`, config `n + 1`, layers `n + 2` and `n + 3`. */
export function manifestRecord(n: number, name = 'shell/git', reference = 'latest') {
  return {
    forms: {
      oci: {
        digest: digest(n),
        size: 700,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
      },
    },
    request: { name, reference, packages: ['git', `n${n}`] },
    revision: null,
    builtAt: 1_800_000_000_000,
    config: digest(n + 1),
    layers: [digest(n + 2), digest(n + 3)],
  } satisfies ManifestRecord;
}

/** An index numbered `n`, of images whose blobs are numbered up to `n + 5`. */
export function indexRecord(n: number, name = 'shell/git', reference = 'latest'): ManifestRecord {
  return { ...manifestRecord(n, name, reference), children: [digest(n + 4), digest(n + 5)] };
}

export function layerRecord(n: number): LayerRecord {
  return {
    digest: digest(n),
    diffId: digest(n + 1),
    size: 1234,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    paths: [{ path: `/nix/store/${'a'.repeat(32)}-p${n}`, narHash: `sha256:${n}` }],
  };
}
