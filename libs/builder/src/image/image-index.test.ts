import { describe, expect, test } from 'vitest';
import { composeIndex } from './image-index.ts';

const manifests = [
  { architecture: 'amd64', digest: `sha256:${'b'.repeat(64)}`, size: 30 },
  { architecture: 'arm64', digest: `sha256:${'a'.repeat(64)}`, size: 20 },
] as const;

describe('composeIndex', () => {
  test.each([
    {
      form: 'oci',
      index: 'application/vnd.oci.image.index.v1+json',
      manifest: 'application/vnd.oci.image.manifest.v1+json',
      golden: 'sha256:51c4a477fc24bc767f1a198c3df408d2295d562b9e7db31b027232e4bdca1486',
    },
    {
      form: 'docker',
      index: 'application/vnd.docker.distribution.manifest.list.v2+json',
      manifest: 'application/vnd.docker.distribution.manifest.v2+json',
      golden: 'sha256:bb783649c311b4b68d168cbdaf872d5e95756ede1d501ba0110a6f4c0311253e',
    },
  ] as const)(
    'writes the $form form, in bytes that do not change',
    ({ form, index, manifest, golden }) => {
      const document = composeIndex(form, manifests);
      expect(JSON.parse(document.bytes.toString())).toEqual({
        schemaVersion: 2,
        mediaType: index,
        manifests: manifests.map(({ architecture, digest, size }) => ({
          mediaType: manifest,
          digest,
          size,
          platform: { architecture, os: 'linux' },
        })),
      });
      expect(document.mediaType).toBe(index);
      expect(document.digest).toBe(golden);
    },
  );
});
