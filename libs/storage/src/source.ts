import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Digest } from './digest.ts';
import { BlobError } from './error.ts';
import { errnoOf, systemError } from './filesystem/system-error.ts';
import type { FileSource } from './store.ts';

/** Hashing blocks the event loop; a piece of this size, in bytes, for a third of a millisecond. */
const PIECE = 256 * 1024;

/**
 * Opens a file that is to be put, and checks what its writer has stated about it.
 *
 * @throws BlobError `invalid` if it is no readable file, `corrupt` if it is not as long as stated.
 */
export async function openSource(
  source: FileSource,
): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const handle = await openFile(source.file);
  try {
    return { handle, size: await checkedSize(handle, source) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @throws BlobError `corrupt` if content that is put has another digest. */
export function assertDigest(actual: Digest, expected: Digest): void {
  if (actual !== expected) {
    throw new BlobError('corrupt', `The content put as ${expected} has digest ${actual}`);
  }
}

/** Hashes a whole file, and copies it to `output` on the way, if there is one. */
export async function hashFile(input: FileHandle, output?: FileHandle): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  let position = 0;
  for (;;) {
    const { bytesRead } = await input.read(buffer, 0, PIECE, position);
    if (bytesRead === 0) return `sha256:${hash.digest('hex')}`;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await output?.writeFile(piece);
    position += bytesRead;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw new BlobError('invalid', `There is no file ${path} to put`, { cause: error });
    }
    throw systemError(error, `read ${path}`);
  }
}

async function checkedSize(handle: FileHandle, { file, verified }: FileSource): Promise<number> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw new BlobError('invalid', `${file} is not a regular file`);
  if (verified !== undefined && stats.size !== verified.size) {
    throw new BlobError('corrupt', `${file} has ${stats.size} bytes instead of ${verified.size}`);
  }
  return stats.size;
}
