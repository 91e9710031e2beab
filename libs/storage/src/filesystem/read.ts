import type { Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import { OBJECT_MAX_BYTES, type ObjectName } from '../object-name.ts';
import { resolveRange, type ByteRange } from '../range.ts';
import type { BlobStatus, OpenBlob, UnsatisfiableRange } from '../store.ts';
import { blobPath, objectPath, type Layout } from './path.ts';
import type { ReadBudget } from './read-budget.ts';
import { streamFile } from './stream.ts';
import { errnoOf, systemError } from './system-error.ts';

export async function statBlob(layout: Layout, digest: Digest): Promise<BlobStatus> {
  const path = blobPath(layout, digest);
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    await assertOnlyMissing(layout, path, error);
    return { exists: false };
  }
  assertFile(stats, path);
  return { exists: true, size: stats.size, modifiedAt: stats.mtime };
}

export async function openBlob(
  layout: Layout,
  budget: ReadBudget,
  digest: Digest,
  range?: ByteRange,
): Promise<OpenBlob | UnsatisfiableRange> {
  const path = blobPath(layout, digest);
  const handle = await openFile(layout, path);
  if (handle === null) throw new BlobError('not-found', `There is no blob ${digest}`);
  try {
    const stats = await handle.stat();
    assertFile(stats, path);
    const { size } = stats;
    const span = range === undefined ? { offset: 0, length: size } : resolveRange(range, size);
    if (span === null) {
      await handle.close();
      return { satisfiable: false, size };
    }
    return {
      satisfiable: true,
      size,
      span,
      body: streamFile(handle, span, path, budget),
      file: {
        fd: handle.fd,
        read: (buffer, position) => readInto(handle, path, buffer, position),
      },
    };
  } catch (error) {
    await handle.close();
    throw systemError(error, `open ${path}`);
  }
}

async function readInto(
  handle: FileHandle,
  path: string,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let bytesRead: number;
  try {
    ({ bytesRead } = await handle.read(buffer, 0, buffer.length, position));
  } catch (error) {
    throw systemError(error, `read ${path}`);
  }
  if (bytesRead === 0) throw new BlobError('corrupt', `${path} ends early`);
  return bytesRead;
}

export async function readObject(layout: Layout, name: ObjectName): Promise<Uint8Array | null> {
  const path = objectPath(layout, name);
  const handle = await openFile(layout, path);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    if (size > OBJECT_MAX_BYTES) {
      throw new BlobError(
        'corrupt',
        `${path} has ${size} bytes, more than a named object can have`,
      );
    }
    return await handle.readFile();
  } catch (error) {
    throw systemError(error, `read ${path}`);
  } finally {
    await handle.close();
  }
}

function assertFile(stats: Stats, path: string): void {
  if (!stats.isFile()) throw new BlobError('corrupt', `${path} is not a regular file`);
}

async function openFile(layout: Layout, path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    await assertOnlyMissing(layout, path, error);
    return null;
  }
}

/**
 * Returns if `error` says that the file is not there, though the store is. Without its root (an unmounted or moved
 * disk) a store has not lost every blob: it is unavailable, and nothing should be rebuilt or forgotten for that.
 */
export async function assertOnlyMissing(
  layout: Layout,
  path: string,
  error: unknown,
): Promise<void> {
  if (errnoOf(error) !== 'ENOENT') throw systemError(error, `read ${path}`);
  try {
    await stat(layout.root);
  } catch (cause) {
    throw systemError(cause, `read the storage folder ${layout.root}`);
  }
}
