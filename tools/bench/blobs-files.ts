/** The same file, where each of the servers looks for it. */
import { createHash, randomFillSync, randomUUID } from 'node:crypto';
import { link, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK = 1024 * 1024;

export interface Blob {
  readonly file: string;
  readonly digest: string;
  readonly size: number;
}

/** A file of random bytes, in the page cache once it is written. */
export async function makeBlob(folder: string, size: number): Promise<Blob> {
  const file = join(folder, `blob-${randomUUID()}`);
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK);
  await using handle = await open(file, 'w');
  for (let written = 0; written < size; written += CHUNK) {
    randomFillSync(chunk);
    hash.update(chunk);
    await handle.write(chunk);
  }
  return { file, digest: `sha256:${hash.digest('hex')}`, size };
}

/** Our storage and nginx's files: `<hex>`; docker-registry's storage as its "filesystem" driver lays it out. */
export async function offerBlob(folder: string, { digest, file }: Blob): Promise<void> {
  const hex = digest.slice('sha256:'.length);
  await offer(file, join(folder, 'storage/layers'), hex);
  const root = join(folder, 'docker-registry/data/docker/registry/v2');
  await offer(file, join(root, 'blobs/sha256', hex.slice(0, 2), hex), 'data');
  const links = join(root, 'repositories/bench/_layers/sha256', hex);
  await mkdir(links, { recursive: true });
  await writeFile(join(links, 'link'), digest);
}

async function offer(file: string, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await link(file, join(folder, name));
}
