import { lstat, rm, type FileHandle } from 'node:fs/promises';
import { digestOf, type Digest } from '../digest.ts';
import { BlobError } from '../error.ts';
import { assertObjectSize, type ObjectName } from '../object-name.ts';
import { assertDigest, hashFile, openSource } from '../source.ts';
import type { BlobSource, FileSource, ObjectPut } from '../store.ts';
import { blobPath, objectPath } from './path.ts';
import { readObject } from './read.ts';
import { errnoOf, systemError } from './system-error.ts';
import { linkDurably, renameDurably, withTemporaryFile, type WritableLayout } from './temporary.ts';

/**
 * Stores a blob. One that is there already is replaced rather than looked at: that costs less than reading it, mends a
 * damaged copy, and makes it new for those who collect old blobs; readers keep the file that they have open.
 */
export async function putBlob(
  layout: WritableLayout,
  digest: Digest,
  source: BlobSource,
): Promise<void> {
  const target = blobPath(layout, digest);
  try {
    if ('file' in source) {
      await putFile(layout, target, digest, source);
      return;
    }
    assertDigest(digestOf(source.bytes), digest);
    await withTemporaryFile(layout, async (handle, path) => {
      await handle.writeFile(source.bytes);
      await handle.sync();
      await renameDurably(path, target);
    });
  } catch (error) {
    throw systemError(error, `write ${target}`);
  }
}

export async function putObjectIfAbsent(
  layout: WritableLayout,
  name: ObjectName,
  bytes: Uint8Array,
): Promise<ObjectPut> {
  const target = objectPath(layout, name);
  assertObjectSize(name, bytes);
  // Whoever loses the race reads the winner's object; if that is deleted in between, the race is open again.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const existing = await readObject(layout, name);
    if (existing !== null) return { created: false, bytes: existing };
    if (await createObject(layout, target, bytes)) return { created: true };
  }
  throw new BlobError('unavailable', `${target} is created and deleted all the time`);
}

async function createObject(
  layout: WritableLayout,
  target: string,
  bytes: Uint8Array,
): Promise<boolean> {
  try {
    return await withTemporaryFile(layout, async (handle, path) => {
      await handle.writeFile(bytes);
      await handle.sync();
      return await linkDurably(path, target);
    });
  } catch (error) {
    throw systemError(error, `write ${target}`);
  }
}

async function putFile(
  layout: WritableLayout,
  target: string,
  digest: Digest,
  source: FileSource,
): Promise<void> {
  const { handle: input } = await openSource(source);
  try {
    if (source.move === true && (await moveFile(input, target, digest, source))) return;
    await withTemporaryFile(layout, async (output, path) => {
      assertDigest(await hashFile(input, output), digest);
      await output.sync();
      await renameDurably(path, target);
    });
    if (source.move === true) await rm(source.file, { force: true });
  } finally {
    await input.close();
  }
}

/** False if the file can only be copied: it lies on another filesystem, or its name is a symbolic link. */
async function moveFile(
  input: FileHandle,
  target: string,
  digest: Digest,
  source: FileSource,
): Promise<boolean> {
  if ((await lstat(source.file)).isSymbolicLink()) return false;
  if (source.verified === undefined) assertDigest(await hashFile(input), digest);
  const now = new Date();
  await input.utimes(now, now);
  await input.sync();
  try {
    await renameDurably(source.file, target);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw error;
  }
}
