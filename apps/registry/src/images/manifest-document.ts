import { z } from 'zod';

const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const size = z.int().nonnegative();

/** What is read of an image's manifest: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md */
const manifestSchema = z.object({
  config: z.object({ digest }),
  layers: z.array(z.object({ digest, size })).max(1_000),
});

/** Of an index: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md */
const indexSchema = z.object({
  manifests: z
    .array(z.object({ digest, platform: z.object({ architecture: z.string() }) }))
    .max(100),
});

/** Of a config: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md */
const configSchema = z.object({ history: z.array(z.object({ created_by: z.string() })) });

export type ManifestDocument = z.infer<typeof manifestSchema>;

/** The documents of an image, or null for what is none. */
export const parseManifest = parserOf(manifestSchema);
export const parseIndex = parserOf(indexSchema);
export const parseConfig = parserOf(configSchema);

function parserOf<T>(schema: z.ZodType<T>): (bytes: Uint8Array) => T | null {
  return (bytes) => {
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch {
      return null;
    }
  };
}
