import { rm } from 'node:fs/promises';
import { digestOf, type Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import { systemError } from '../filesystem/system-error.ts';
import { assertDigest, hashFile, openSource } from '../source.ts';
import type { BlobSource, FileSource } from '../store.ts';

/** What is uploaded: content of known size that can be read again for another attempt. */
export interface Content {
  /** In bytes. */
  readonly size: number;
  /**
   * The `length` bytes from `offset` on, all of which have to be there.
   *
   * @param into where they may be put, if it is long enough: fresh memory for megabytes costs more than to fill it
   */
  read(offset: number, length: number, into?: Buffer): Promise<Buffer>;
}

/** Content in memory. */
export function contentOf(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    size: buffer.length,
    read: (offset, length) => Promise.resolve(buffer.subarray(offset, offset + length)),
  };
}

/**
 * Runs `use` with a source's content, once that is known to have the digest. A file that is handed over is gone
 * afterwards, unless something failed.
 *
 * @throws BlobError `corrupt` if it has not; `invalid` if the source is no readable file.
 */
export async function withContent(
  digest: Digest,
  source: BlobSource,
  use: (content: Content) => Promise<void>,
): Promise<void> {
  if ('bytes' in source) {
    assertDigest(digestOf(source.bytes), digest);
    await use(contentOf(source.bytes));
    return;
  }
  await withFile(digest, source, use);
  if (source.move === true) await removeSource(source.file);
}

async function withFile(
  digest: Digest,
  source: FileSource,
  use: (content: Content) => Promise<void>,
): Promise<void> {
  const { file } = source;
  const { handle, size } = await openSource(source);

  async function read(offset: number, length: number, into?: Buffer): Promise<Buffer> {
    const isRoom = into !== undefined && into.length >= length;
    const piece = isRoom ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(piece, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw new BlobError('invalid', `${file} shrinks while it is put`);
      filled += bytesRead;
    }
    return piece;
  }

  try {
    if (source.verified === undefined) assertDigest(await hashFile(handle), digest);
    await use({ size, read });
  } catch (error) {
    throw systemError(error, `put ${file}`);
  } finally {
    await handle.close();
  }
}

async function removeSource(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (error) {
    throw systemError(error, `remove ${file}`);
  }
}
