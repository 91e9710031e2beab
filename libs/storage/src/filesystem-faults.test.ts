import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { createFilesystemStore } from './filesystem/store.ts';
import { readBlob } from './read-blob.ts';
import type { BlobStore } from './store.ts';
import { LAYER_TYPE, MIB, collect } from './testing/harness.ts';

/** An administrator's programs are not in everybody's PATH. */
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const mayMount = process.getuid?.() === 0 && tryMount();
const mayLoop = mayMount && tryLoop();

// Real disks that are full or read-only: small filesystems in memory, which only root can mount.
describe.skipIf(!mayMount)('a store on a disk of its own', () => {
  let folder: string;
  let disk: string;
  let root: string;
  let store: BlobStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-disk-'));
    disk = join(folder, 'disk');
    root = join(disk, 'store');
    await mkdir(disk);
    run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    store = await createFilesystemStore({ root });
  });
  afterEach(async () => {
    run('umount', ['--lazy', disk]);
    await rm(folder, { recursive: true, force: true });
  });

  test('that is full reports so, keeps nothing half-written, and recovers', async () => {
    const bytes = randomBytes(2 * MIB);
    const digest = digestOf(bytes);
    const file = join(folder, 'spool');
    await writeFile(file, bytes);
    for (const source of [{ bytes }, { file }, { file, move: true, verified: { size: 2 * MIB } }]) {
      const putting = store.put(digest, source, LAYER_TYPE);
      await expect(putting).rejects.toMatchObject({ name: 'BlobError', code: 'full' });
    }
    expect(existsSync(file)).toBe(true);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    expect(await collect(store.list())).toEqual([]);

    const small = randomBytes(1000);
    await store.put(digestOf(small), { bytes: small }, LAYER_TYPE);
    remount(disk, 'size=8m');
    await store.put(digest, { file, move: true }, LAYER_TYPE);
    expect(digestOf(await readBlob(store, digest, 2 * MIB))).toBe(digest);
    expect(existsSync(file)).toBe(false);
  });

  test('that is full refuses objects, too, and recovers', async () => {
    const filler = join(disk, 'filler');
    const filling = writeFile(filler, randomBytes(2 * MIB));
    await expect(filling).rejects.toMatchObject({ code: 'ENOSPC' });
    const putting = store.putObjectIfAbsent('builds/b', randomBytes(10_000));
    await expect(putting).rejects.toMatchObject({ name: 'BlobError', code: 'full' });
    expect(await store.getObject('builds/b')).toBeNull();
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    await rm(filler);
    expect(await store.putObjectIfAbsent('builds/b', randomBytes(10_000))).toEqual({
      created: true,
    });
  });

  test('that becomes read-only goes on to serve, refuses writes, and recovers', async () => {
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    await store.put(digest, { bytes }, LAYER_TYPE);
    remount(disk, 'ro');
    const writes = [
      () => store.put(digest, { bytes }, LAYER_TYPE),
      () => store.delete(digest),
      () => store.putObjectIfAbsent('builds/b', bytes),
    ];
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'denied' });
    expect(await readBlob(store, digest, 1000)).toEqual(bytes);
    await expect(createFilesystemStore({ root })).rejects.toMatchObject({
      name: 'BlobError',
      code: 'denied',
      message: expect.stringContaining(root),
    });
    remount(disk, 'rw');
    expect(await store.putObjectIfAbsent('builds/b', bytes)).toEqual({ created: true });
  });
});

// A disk that fails: a filesystem in a file, from which the bytes are taken away while it is mounted.
describe.skipIf(!mayLoop)('a store on a disk that fails', () => {
  let folder: string;
  let host: string;
  let image: string;
  let disk: string;
  let root: string;
  let store: BlobStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-loop-'));
    host = join(folder, 'host');
    image = join(host, 'image');
    disk = join(folder, 'disk');
    root = join(disk, 'store');
    await mkdir(host);
    await mkdir(disk);
    run('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', host]);
    await makeFilesystem(image);
    mountImage(image, disk);
    store = await createFilesystemStore({ root });
  });
  afterEach(async () => {
    run('umount', ['--lazy', disk]);
    run('umount', ['--lazy', host]);
    await rm(folder, { recursive: true, force: true });
  });

  test('to read or write is unavailable, loses nothing, and recovers', async () => {
    const bytes = randomBytes(100_000);
    const digest = digestOf(bytes);
    await store.put(digest, { bytes }, LAYER_TYPE);
    await store.putObjectIfAbsent('builds/b', bytes);
    // What is still in memory does not fail.
    run('umount', [disk]);
    mountImage(image, disk);
    const restore = await takeAway(image);
    await expect(readdir(root)).rejects.toMatchObject({ code: 'EIO' });
    const fresh = randomBytes(1000);
    const calls = [
      () => store.stat(digest),
      () => store.open(digest),
      () => store.put(digestOf(fresh), { bytes: fresh }, LAYER_TYPE),
      () => store.delete(digest),
      () => collect(store.list()),
      () => store.getObject('builds/b'),
      () => store.putObjectIfAbsent('builds/c', fresh),
      () => collect(store.listObjects('builds/')),
      () => createFilesystemStore({ root }),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
    }
    remount(host, 'size=80m');
    await restore();
    expect(await readBlob(store, digest, 100_000)).toEqual(bytes);
    expect(await store.getObject('builds/b')).toEqual(bytes);
    await store.put(digestOf(fresh), { bytes: fresh }, LAYER_TYPE);
    expect(await collect(store.list())).toHaveLength(2);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  test('in the middle of a blob breaks the read off, and does not end it early', async () => {
    const bytes = randomBytes(2 * MIB);
    const digest = digestOf(bytes);
    await store.put(digest, { bytes }, LAYER_TYPE);
    run('umount', [disk]);
    mountImage(image, disk);
    const { body } = await store.open(digest);
    const restore = await takeAway(image);
    await expect(buffer(body)).rejects.toMatchObject({ name: 'BlobError', code: 'unavailable' });
    remount(host, 'size=80m');
    await restore();
    expect(digestOf(await readBlob(store, digest, 2 * MIB))).toBe(digest);
  });

  test('that has less space than it promises fails when it is synced, and keeps nothing of that', async () => {
    const bytes = randomBytes(12 * MIB);
    const digest = digestOf(bytes);
    const file = join(folder, 'spool');
    await writeFile(file, bytes);
    for (const source of [{ bytes }, { file }]) {
      const putting = store.put(digest, source, LAYER_TYPE);
      await expect(putting).rejects.toMatchObject({ name: 'BlobError', code: 'full' });
    }
    expect(await store.stat(digest)).toEqual({ exists: false });
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
    remount(host, 'size=64m');
    await store.put(digest, { file, move: true }, LAYER_TYPE);
    expect(digestOf(await readBlob(store, digest, 12 * MIB))).toBe(digest);
  });
});

test('a store whose folders may no longer be used is denied, and recovers with its permissions', async () => {
  const root = await mkdtemp(join(tmpdir(), 'blob-denied-'));
  const isRoot = process.geteuid?.() === 0;
  try {
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    const store = await createFilesystemStore({ root });
    await store.put(digest, { bytes }, LAYER_TYPE);
    await store.putObjectIfAbsent('builds/b', bytes);
    await chmod(root, 0o600);
    // No mode keeps root out.
    if (isRoot) process.seteuid?.('nobody');
    const calls = [
      () => store.stat(digest),
      () => store.open(digest),
      () => store.put(digest, { bytes }, LAYER_TYPE),
      () => store.delete(digest),
      () => collect(store.list()),
      () => store.getObject('builds/b'),
      () => store.putObjectIfAbsent('builds/c', bytes),
    ];
    try {
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ name: 'BlobError', code: 'denied' });
      }
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    await chmod(root, 0o755);
    expect(await readBlob(store, digest, 1000)).toEqual(bytes);
    expect(await store.putObjectIfAbsent('builds/c', bytes)).toEqual({ created: true });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

function remount(disk: string, options: string): void {
  run('mount', ['-o', `remount,${options}`, disk]);
}

/** An empty filesystem of 64 MiB in a sparse file; without a journal, whose failure would make it read-only for good. */
async function makeFilesystem(image: string): Promise<void> {
  await writeFile(image, '');
  await truncate(image, 64 * MIB);
  run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-E', 'nodiscard', image]);
}

/** Empties a disk below the filesystem on it; what it returns brings the bytes back. */
async function takeAway(image: string): Promise<() => Promise<void>> {
  const bytes = await readFile(image);
  await truncate(image, 0);
  return () => writeFile(image, bytes, { flag: 'r+' });
}

function mountImage(image: string, disk: string): void {
  run('mount', ['-o', 'loop,errors=continue', image, disk]);
}

function run(command: string, args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${command}: ${stderr}`, { cause: error });
}

/** Containers may deny mounting even to root. */
function tryMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'blob-mount-'));
  try {
    run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
    run('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

/** Or have no loop devices. */
function tryLoop(): boolean {
  try {
    run('losetup', ['--find']);
    run('mke2fs', ['-V']);
    return true;
  } catch {
    return false;
  }
}
