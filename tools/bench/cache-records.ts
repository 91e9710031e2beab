/** Entries as large as those of real images, each different, made from a number. */
import type { Digest, LayerRecord, ManifestRecord } from '@nixery/cache';
import { createHash } from 'node:crypto';

/** The layers of an image; `getLayers` asks for as many at once. */
export const LAYERS_PER_IMAGE = 30;

export function manifestKey(n: number): string {
  return hex(`manifest ${n}`);
}

export function layerKey(n: number): string {
  return hex(`layer ${n}`);
}

export function manifestRecord(n: number, layers: number): ManifestRecord {
  return {
    forms: {
      oci: {
        digest: digest(`body ${n}`),
        size: 5_321,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
      },
    },
    request: {
      name: `shell/package-${n}`,
      reference: 'latest',
      packages: ['bashInteractive', 'coreutils', 'moreutils', 'nano', `package-${n}`],
    },
    revision: hex(`commit ${n % 50}`).slice(0, 40),
    builtAt: 1_800_000_000_000 + n,
    config: digest(`config ${n}`),
    // Images share layers: consecutive ones most of them.
    layers: Array.from({ length: LAYERS_PER_IMAGE }, (_, i) => digest(`blob ${(n + i) % layers}`)),
  };
}

export function layerRecord(n: number): LayerRecord {
  return {
    digest: digest(`blob ${n}`),
    diffId: digest(`tar ${n}`),
    size: 1_000_000 + n,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    paths: [0, 1].map((i) => ({
      path: `/nix/store/${hex(`path ${n} ${i}`).slice(0, 32)}-package-${n}-1.2.3`,
      narHash: digest(`nar ${n} ${i}`),
    })),
  };
}

function digest(text: string): Digest {
  return `sha256:${hex(text)}`;
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
