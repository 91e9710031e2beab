import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'make-folder-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('makes a folder and those above it, with their mode, and leaves what is there', async () => {
  const folder = join(dir, 'a', 'b', 'c');
  await makeFolder(folder, 0o700);
  await makeFolder(folder);
  for (const made of [folder, join(dir, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700);
});

test('takes a link to a folder for one', async () => {
  symlinkSync(dir, join(dir, 'link'));
  await makeFolder(join(dir, 'link'));
  await makeFolder(join(dir, 'link', 'below'));
  expect(statSync(join(dir, 'below')).isDirectory()).toBe(true);
});

test('may be called by several at once', async () => {
  // One may find the folder above missing, and there a moment later.
  for (let time = 0; time < 200; time += 1) {
    const folder = join(dir, String(time), 'a', 'b');
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(folder)));
    expect(statSync(folder).isDirectory()).toBe(true);
  }
});

test('fails where a file is in the way, and where there can be no folders', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  await expect(makeFolder(file)).rejects.toThrow('EEXIST');
  await expect(makeFolder(join(file, 'below'))).rejects.toThrow('ENOTDIR');
  symlinkSync(join(dir, 'nowhere'), join(dir, 'dangling'));
  await expect(makeFolder(join(dir, 'dangling', 'below'))).rejects.toThrow('ENOENT');
  await expect(makeFolder('/proc/nixery/below')).rejects.toThrow('ENOENT');
});
