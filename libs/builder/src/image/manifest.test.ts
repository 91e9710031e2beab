import { describe, expect, test } from 'vitest';
import { composeManifest, possibleForms } from './manifest.ts';

const config = { digest: `sha256:${'c'.repeat(64)}`, size: 10 } as const;
const gzip = 'application/vnd.oci.image.layer.v1.tar+gzip';
const zstd = 'application/vnd.oci.image.layer.v1.tar+zstd';
const layers = [
  { digest: `sha256:${'b'.repeat(64)}`, size: 30, mediaType: gzip },
  { digest: `sha256:${'a'.repeat(64)}`, size: 20, mediaType: gzip },
] as const;

describe('composeManifest', () => {
  test.each([
    {
      form: 'oci',
      manifest: 'application/vnd.oci.image.manifest.v1+json',
      configType: 'application/vnd.oci.image.config.v1+json',
      layerType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      golden: 'sha256:6dedea5026ec624052a0d6b876f92d0e7bf08ab3f1616d81c2116e28ba78822a',
    },
    {
      form: 'docker',
      manifest: 'application/vnd.docker.distribution.manifest.v2+json',
      configType: 'application/vnd.docker.container.image.v1+json',
      layerType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      golden: 'sha256:c739010422e7abfde2c0b41b5fef93656ec355ff39698f90708eae831c794c52',
    },
  ] as const)(
    'writes the $form form, in bytes that do not change',
    ({ form, manifest, configType, layerType, golden }) => {
      const document = composeManifest(form, { config, layers });
      expect(JSON.parse(document.bytes.toString())).toEqual({
        schemaVersion: 2,
        mediaType: manifest,
        config: { mediaType: configType, ...config },
        layers: layers.map((layer) => ({ ...layer, mediaType: layerType })),
      });
      expect(document.mediaType).toBe(manifest);
      expect(document.digest).toBe(golden);
    },
  );

  test('says of each layer how it is compressed', () => {
    const [first, second] = layers;
    const mixed = [{ ...first, mediaType: zstd }, second];
    const document = composeManifest('oci', { config, layers: mixed });
    expect(JSON.parse(document.bytes.toString())).toMatchObject({
      layers: [{ mediaType: zstd }, { mediaType: gzip }],
    });
  });
});

describe('possibleForms', () => {
  test('are both where all layers are gzipped', () => {
    expect(possibleForms(layers)).toEqual(['oci', 'docker']);
  });

  test('are without Docker’s where one is not', () => {
    expect(possibleForms([...layers, { ...layers[0], mediaType: zstd }])).toEqual(['oci']);
  });
});
