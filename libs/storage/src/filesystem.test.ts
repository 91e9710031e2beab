import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, type Digest } from './digest.ts';
import { createFilesystemStore } from './filesystem/store.ts';
import { readBlob } from './read-blob.ts';
import type { BlobStore } from './store.ts';
import { describeBlobStore } from './testing/contract.ts';
import { ABSENT, LAYER_TYPE, MIB, collect } from './testing/harness.ts';

describeBlobStore('a folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'blob-store-'));
  return {
    store: await createFilesystemStore({ root }),
    redirects: false,
    close: () => rm(root, { recursive: true, force: true }),
  };
});

describe('the filesystem store', () => {
  let folder: string;
  let root: string;
  let store: BlobStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-files-'));
    root = join(folder, 'made', 'on demand');
    store = await createFilesystemStore({ root });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function put(bytes: Uint8Array): Promise<Digest> {
    await store.put(digestOf(bytes), { bytes }, LAYER_TYPE);
    return digestOf(bytes);
  }

  function layerFile(digest: Digest): string {
    return join(root, 'layers', digest.slice('sha256:'.length));
  }

  test('lays its files out as Nixery does, and leaves no temporary ones', async () => {
    const bytes = randomBytes(10);
    const digest = await put(bytes);
    await store.putObjectIfAbsent('manifests/m', Buffer.from('manifest'));
    await store.putObjectIfAbsent('manifests/m', Buffer.from('other'));
    await store.putObjectIfAbsent('builds/b', Buffer.from('build'));
    await expect(store.put(ABSENT, { bytes }, LAYER_TYPE)).rejects.toThrow('digest');
    expect(await readFile(layerFile(digest))).toEqual(bytes);
    expect(await readFile(join(root, 'manifests/m'), 'utf8')).toBe('manifest');
    expect(await readFile(join(root, 'builds/b'), 'utf8')).toBe('build');
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  test('takes over a folder with blobs in it, and lists only what are blobs', async () => {
    const bytes = randomBytes(10);
    await writeFile(layerFile(digestOf(bytes)), bytes);
    await writeFile(join(root, 'layers', 'README'), 'not a blob');
    await mkdir(layerFile(ABSENT));
    await writeFile(join(root, 'builds', '.hidden'), 'not an object');
    const listed = await collect(store.list());
    expect(listed).toEqual([{ digest: digestOf(bytes), size: 10, modifiedAt: expect.any(Date) }]);
    expect(await collect(store.listObjects('builds/'))).toEqual([]);
    expect(await readBlob(store, digestOf(bytes), 10)).toEqual(bytes);
  });

  test('reads a blob through a symbolic link, as operators use to spread disks', async () => {
    const bytes = randomBytes(10);
    await writeFile(join(folder, 'elsewhere'), bytes);
    await symlink(join(folder, 'elsewhere'), layerFile(digestOf(bytes)));
    expect(await store.stat(digestOf(bytes))).toMatchObject({ exists: true, size: 10 });
    expect(await readBlob(store, digestOf(bytes), 10)).toEqual(bytes);
  });

  test('notices a damaged blob on reading it whole, and mends it when it is put again', async () => {
    const bytes = randomBytes(1000);
    const digest = await put(bytes);
    await writeFile(layerFile(digest), randomBytes(1000));
    await expect(readBlob(store, digest, 1000)).rejects.toMatchObject({ code: 'corrupt' });
    await put(bytes);
    expect(await readBlob(store, digest, 1000)).toEqual(bytes);
  });

  test('fails a read rather than ending it early when a file shrinks', async () => {
    const digest = await put(randomBytes(MIB));
    const { body } = await store.open(digest);
    await truncate(layerFile(digest), 1000);
    await expect(buffer(body)).rejects.toMatchObject({ name: 'BlobError', code: 'corrupt' });
  });

  test('copies the content of a symbolic link that it takes over, not the link', async () => {
    const bytes = randomBytes(10);
    const file = join(folder, 'link');
    await writeFile(join(folder, 'content'), bytes);
    await symlink(join(folder, 'content'), file);
    await store.put(digestOf(bytes), { file, move: true }, LAYER_TYPE);
    await rm(join(folder, 'content'));
    expect(existsSync(file)).toBe(false);
    expect(await readBlob(store, digestOf(bytes), 10)).toEqual(bytes);
  });

  test('takes a folder in the place of a blob for damage', async () => {
    await mkdir(layerFile(ABSENT));
    await expect(store.stat(ABSENT)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.open(ABSENT)).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('lets readers finish with a blob that is deleted meanwhile', async () => {
    const bytes = randomBytes(MIB);
    const digest = await put(bytes);
    const { body } = await store.open(digest);
    await store.delete(digest);
    expect(digestOf(await buffer(body))).toBe(digest);
  });

  test('lets who sends it read its file, says where that ends early, and closes every descriptor in the end', async () => {
    const bytes = randomBytes(MIB);
    const digest = await put(bytes);
    const before = await openDescriptors(root);
    const whole = await store.open(digest);
    const part = Buffer.alloc(10);
    expect(await whole.file?.read(part, MIB - 10)).toBe(10);
    expect(part).toEqual(bytes.subarray(-10));
    await expect(whole.file?.read(part, MIB)).rejects.toMatchObject({ code: 'corrupt' });
    await buffer(whole.body);
    const abandoned = await store.open(digest, { first: 10 });
    if (abandoned.satisfiable) abandoned.body.destroy();
    await store.open(digest, { first: MIB });
    await expect(store.open(digest, { first: 2, last: 1 })).rejects.toThrow('range');
    await expect(readBlob(store, digest, 1)).rejects.toThrow('more than');
    await expect.poll(() => openDescriptors(root)).toEqual(before);
  });

  test('counts a file that it takes over as stored now, however old the file is', async () => {
    const bytes = randomBytes(10);
    const file = join(folder, 'spool');
    await writeFile(file, bytes);
    await utimes(file, 1, 1);
    await store.put(digestOf(bytes), { file, move: true }, LAYER_TYPE);
    const [listed] = await collect(store.list());
    expect(Date.now() - (listed?.modifiedAt.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test('does without its folders when someone has emptied the root', async () => {
    const bytes = randomBytes(10);
    const digest = await put(bytes);
    for (const name of await readdir(root)) await rm(join(root, name), { recursive: true });
    expect(await store.stat(digest)).toEqual({ exists: false });
    expect(await store.getObject('builds/b')).toBeNull();
    expect(await collect(store.list())).toEqual([]);
    expect(await readBlob(store, await put(bytes), 10)).toEqual(bytes);
    expect(await store.putObjectIfAbsent('builds/b', bytes)).toEqual({ created: true });
  });

  test('lists what is unfinished, and removes it when told to', async () => {
    const time = new Date('2026-01-02T03:04:05Z');
    await writeFile(join(root, 'tmp', 'file'), randomBytes(10));
    await mkdir(join(root, 'tmp', 'import-a'));
    await writeFile(join(root, 'tmp', 'import-a', 'blob'), randomBytes(20));
    for (const name of ['file', 'import-a/blob', 'import-a']) {
      await utimes(join(root, 'tmp', name), time, time);
    }
    const uploads = await collect(store.listUploads());
    expect(uploads.toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual([
      { name: 'tmp/file', id: 'file', size: 10, startedAt: time },
      { name: 'tmp/import-a', id: 'import-a', size: 20, startedAt: time },
    ]);
    for (const upload of uploads) {
      await store.abortUpload(upload);
      // One that has ended is no error.
      await store.abortUpload(upload);
    }
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    for (const id of ['', '.', '..', '../layers', 'a/b']) {
      const upload = { name: `tmp/${id}`, id, size: 0, startedAt: time };
      await expect(store.abortUpload(upload)).rejects.toMatchObject({ code: 'invalid' });
    }
  });

  test('starts where an import was killed long ago, and removes what that has left', async () => {
    const left = join(root, 'tmp', 'import-a');
    await mkdir(left);
    await writeFile(join(left, 'blob'), randomBytes(20));
    await utimes(left, 1, 1);
    await createFilesystemStore({ root });
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  test('is unavailable, not empty, while its root is gone, and recovers', async () => {
    const bytes = randomBytes(10);
    const digest = await put(bytes);
    const away = join(folder, 'away');
    await rename(root, away);
    const calls = [
      () => store.stat(digest),
      () => store.open(digest),
      () => store.put(digest, { bytes }, LAYER_TYPE),
      () => store.getObject('builds/b'),
      () => collect(store.list()),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'unavailable' });
    expect(existsSync(root)).toBe(false);
    await rename(away, root);
    expect(await readBlob(store, digest, 10)).toEqual(bytes);
  });

  test('refuses an object larger than any that it writes', async () => {
    await writeFile(join(root, 'builds', 'huge'), randomBytes(2 * MIB));
    await expect(store.getObject('builds/huge')).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('shares its folder: two stores put the same blobs at once, readers see whole ones', async () => {
    const other = await createFilesystemStore({ root });
    const blobs = Array.from({ length: 6 }, () => randomBytes(2 * MIB));
    const puts = blobs.flatMap((bytes) =>
      [store, other].map((each) => each.put(digestOf(bytes), { bytes }, LAYER_TYPE)),
    );
    const state = { writing: true };
    const written = Promise.all(puts).finally(() => {
      state.writing = false;
    });
    while (state.writing) {
      for (const { digest, size } of await collect(other.list())) {
        expect(size).toBe(2 * MIB);
        await readBlob(other, digest, size);
      }
    }
    await written;
    expect(await collect(store.list())).toHaveLength(6);
  });

  describe('refuses a root', () => {
    test.each([{ inside: 'file' }, { inside: 'file/below' }])(
      'where a file is in the way: $inside',
      async ({ inside }) => {
        await writeFile(join(folder, 'file'), '');
        const creating = createFilesystemStore({ root: join(folder, inside) });
        await expect(creating).rejects.toMatchObject({
          name: 'BlobError',
          code: 'invalid',
          message: expect.stringContaining(join(folder, inside)),
        });
      },
    );

    test('where a file is in the way of one of its folders', async () => {
      await rm(join(root, 'builds'), { recursive: true });
      await writeFile(join(root, 'builds'), '');
      await expect(createFilesystemStore({ root })).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining(join(root, 'builds')),
      });
    });

    test('that it may not write', async () => {
      await chmod(root, 0o555);
      const leaveRoot = process.geteuid?.() === 0;
      // No mode keeps root out.
      if (leaveRoot) process.seteuid?.('nobody');
      try {
        await expect(createFilesystemStore({ root })).rejects.toMatchObject({
          code: 'denied',
          message: expect.stringContaining('let user id'),
        });
      } finally {
        if (leaveRoot) process.seteuid?.(0);
        await chmod(root, 0o755);
      }
    });
  });
});

/** The files below `root` that this process has open. */
async function openDescriptors(root: string): Promise<readonly string[]> {
  const descriptors = await readdir('/proc/self/fd');
  const targets = await Promise.allSettled(
    descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`)),
  );
  // One is rejected: that of the folder of descriptors, closed since.
  return targets
    .filter((target) => target.status === 'fulfilled')
    .map(({ value }) => value)
    .filter((target) => target.startsWith(root));
}
