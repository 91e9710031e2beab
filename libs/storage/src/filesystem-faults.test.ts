import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { createFilesystemStore } from './filesystem/store.ts';
import { readBlob } from './read-blob.ts';
import type { BlobStore } from './store.ts';
import { LAYER_TYPE, MIB, collect } from './testing/harness.ts';

const mayMount = process.getuid?.() === 0 && tryMount();

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

function remount(disk: string, options: string): void {
  run('mount', ['-o', `remount,${options}`, disk]);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
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
