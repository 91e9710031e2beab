import { z } from 'zod';

const manifest = z.object({ mediaType: z.string().max(256) });
/** image-spec, config.md: a config has these; a manifest has neither. */
const config = z.object({ architecture: z.string(), rootfs: z.object({}) });

/**
 * What a blob says of itself, for storages that answer clients themselves. Manifests get their type from this server in any
 * case, and clients take layers for what their manifests say.
 *
 * @param start the blob's first bytes: all of a document
 */
export function mediaTypeOf(start: Uint8Array): string {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'application/vnd.oci.image.layer.v1.tar+gzip';
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd) {
    return 'application/vnd.oci.image.layer.v1.tar+zstd';
  }
  const document = parseJson(start);
  const stated = manifest.safeParse(document);
  if (stated.success) return stated.data.mediaType;
  if (config.safeParse(document).success) return 'application/vnd.oci.image.config.v1+json';
  return 'application/octet-stream';
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
