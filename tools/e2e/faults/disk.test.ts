import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareTestPackages } from '@nixery/builder/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RegistryServer, startRegistry } from '../server.ts';

const manifestSchema = z.object({ layers: z.array(z.object({ digest: z.string() })).min(1) });

let dir: string;
/** A small filesystem in memory, and the storage on it. */
let disk: string;
let storage: string;
let server: RegistryServer;

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

/** Only root can mount, and in some containers not even root. */
function mayMount(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'nixery-mount-'));
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

function remount(options: string): void {
  run('mount', ['-o', `remount,${options}`, disk]);
}

function manifest(name: string): Promise<Response> {
  return fetch(`${server.url}/v2/${name}/manifests/latest`);
}

/** A failure is remembered for a few seconds. */
async function pullable(name: string): Promise<void> {
  await expect
    .poll(async () => (await manifest(name)).status, { timeout: 60_000, interval: 500 })
    .toBe(200);
}

async function refusal(name: string): Promise<unknown> {
  const response = await manifest(name);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  return await response.json();
}

/** Every blob of an image, whole. */
async function expectWhole(name: string): Promise<void> {
  const { layers } = manifestSchema.parse(await (await manifest(name)).json());
  for (const { digest } of layers) {
    expect((await fetch(`${server.url}/v2/${name}/blobs/${digest}`)).status).toBe(200);
  }
}

describe.skipIf(!mayMount())('a server whose storage is a disk of its own', () => {
  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'nixery-disk-'));
    disk = path.join(dir, 'disk');
    storage = path.join(disk, 'storage');
    mkdirSync(disk);
    run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
    server = await startRegistry(dir, { NIXERY_PKGS_PATH: packages, STORAGE_PATH: storage });
    await expectWhole('hello');
  });
  afterEach(async () => {
    await server.stop();
    run('umount', ['--lazy', disk]);
    rmSync(dir, { recursive: true, force: true });
  });

  test('that is full refuses new images, keeps nothing half-written, serves the rest, and recovers', async () => {
    const filler = path.join(disk, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024))).toThrow('ENOSPC');
    const before = readdirSync(path.join(storage, 'layers'));
    const message = 'the storage of this registry is full';
    expect(await refusal('slow0')).toMatchObject({ errors: [{ message }] });
    expect(readdirSync(path.join(storage, 'tmp'))).toEqual([]);
    expect(readdirSync(path.join(storage, 'layers'))).toEqual(before);
    await expectWhole('hello');
    rmSync(filler);
    await pullable('slow0');
    await expectWhole('slow0');
  });

  test('that becomes read-only refuses new images, serves the rest, and recovers', async () => {
    remount('ro');
    const message = 'the storage of this registry refuses access';
    expect(await refusal('slow0')).toMatchObject({ errors: [{ message }] });
    await expectWhole('hello');
    remount('rw');
    await pullable('slow0');
    await expectWhole('slow0');
  });
});

describe.skipIf(!mayMount())('a server whose state folder is on a disk of its own', () => {
  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'nixery-disk-'));
    disk = path.join(dir, 'disk');
    mkdirSync(disk);
    run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    const packages = await prepareTestPackages(path.join(dir, 'packages'), { salt: randomUUID() });
    server = await startRegistry(dir, {
      NIXERY_PKGS_PATH: packages,
      NIXERY_STATE_DIR: path.join(disk, 'state'),
    });
    await expectWhole('hello');
  });
  afterEach(async () => {
    await server.stop();
    run('umount', ['--lazy', disk]);
    rmSync(dir, { recursive: true, force: true });
  });

  test('that is full says so, serves what is known, and recovers', async () => {
    const filler = path.join(disk, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024))).toThrow('ENOSPC');
    const refused = await manifest('slow0');
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({
      errors: [{ message: 'the disk of the state folder is full' }],
    });
    await expectWhole('hello');
    rmSync(filler);
    await pullable('slow0');
    await expectWhole('slow0');
  });
});
