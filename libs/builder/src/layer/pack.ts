import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { MEDIA_TYPES } from '../image/media-types.ts';
import { STORE_DIR, writeStorePaths } from './archive.ts';
import { createCompressor } from './compressor.ts';
import { toLayerFailure } from './error.ts';
import { planSymlinkLayer } from './symlinks.ts';
import { lowerThreadPriority } from './thread-priority.ts';
import type { ByteSink } from './tar-writer.ts';
import type {
  PackLayerResult,
  PackLayerTask,
  PackSymlinkLayerResult,
  PackSymlinkLayerTask,
} from './task.ts';
import { writeTree } from './tree.ts';
import type { Compression, PackedLayer, Sha256Digest } from './types.ts';
import { YoungGarbage } from './young-garbage.ts';

/** Packs store paths into a layer. Blocks its thread: made for a worker. */
export function packLayer({
  paths,
  storeDir = STORE_DIR,
  spoolFile,
  compression,
}: PackLayerTask): PackLayerResult {
  lowerThreadPriority();
  try {
    const layer = packArchive(spoolFile, compression, (sink) => {
      writeStorePaths(paths, storeDir, sink);
    });
    return { ok: true, layer };
  } catch (error) {
    return toLayerFailure(error);
  }
}

/** Packs the layer that makes the packages appear at `/`. Blocks its thread: made for a worker. */
export function packSymlinkLayer({
  packages,
  storeDir = STORE_DIR,
  spoolFile,
  compression,
}: PackSymlinkLayerTask): PackSymlinkLayerResult {
  lowerThreadPriority();
  try {
    const { root, ...facts } = planSymlinkLayer(packages, storeDir);
    const layer = packArchive(spoolFile, compression, (sink) => writeTree(root, sink));
    return { ok: true, layer: { ...layer, ...facts } };
  } catch (error) {
    return toLayerFailure(error);
  }
}

/**
 * Compresses the archive that `writeArchive` writes into a new file, and names both by their digests. The file is not
 * synced to disk: that is for whoever keeps it.
 *
 * @throws a system error with code EEXIST, and leaves the file alone, where `spoolFile` exists; whatever `writeArchive`
 * throws, with the file removed
 */
function packArchive(
  spoolFile: string,
  compression: Compression,
  writeArchive: (sink: ByteSink) => void,
): PackedLayer {
  const fd = openSync(spoolFile, 'wx', 0o600);
  try {
    return { ...writeCompressed(fd, compression, writeArchive), spoolFile };
  } catch (error) {
    rmSync(spoolFile, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function writeCompressed(
  fd: number,
  compression: Compression,
  writeArchive: (sink: ByteSink) => void,
): Omit<PackedLayer, 'spoolFile'> {
  const garbage = new YoungGarbage();
  const compressed = new Tally();
  const archive = new Tally();
  const compressor = createCompressor(compression, (chunk) => {
    compressed.add(chunk);
    writeAll(fd, chunk);
    garbage.add(chunk.length);
  });
  writeArchive((chunk) => {
    archive.add(chunk);
    compressor.push(chunk);
  });
  compressor.finish();
  return {
    digest: compressed.digest(),
    diffId: archive.digest(),
    size: compressed.size,
    uncompressedSize: archive.size,
    mediaType: MEDIA_TYPES.oci.layer[compression.format],
  };
}

/** Counts and hashes what passes. */
class Tally {
  readonly #hash: Hash = createHash('sha256');
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#hash.update(chunk);
  }

  digest(): Sha256Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

function writeAll(fd: number, chunk: Buffer): void {
  let offset = 0;
  while (offset < chunk.length) offset += writeSync(fd, chunk, offset);
}
