import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { AccessFileError } from './access-file.ts';
import { WatchedFiles } from './watched-files.ts';

let dir: string;
let file: string;
let watched: WatchedFiles<string> | undefined;
let errors: AccessFileError[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-watched-'));
  file = join(dir, 'file');
  errors = [];
});
afterEach(async () => {
  watched?.stop();
  watched = undefined;
  await rm(dir, { recursive: true });
});

async function open(files: readonly string[] = [file]): Promise<WatchedFiles<string>> {
  watched = await WatchedFiles.open({
    kind: 'policy',
    files,
    parse: (contents) => {
      const text = contents.join('+');
      if (text.includes('bad')) throw new AccessFileError('malformed', 'it is bad');
      return text;
    },
    onError: (error) => errors.push(error),
    intervalMs: 5,
  });
  return watched;
}

const patient = { timeout: 60_000, interval: 5 };

describe('watched files', () => {
  it('are read again when they change, whether written or replaced', async () => {
    await writeFile(file, 'one');
    const opened = await open();
    expect(opened.value).toBe('one');
    await writeFile(file, 'two');
    await vi.waitFor(() => expect(opened.value).toBe('two'), patient);
    await writeFile(join(dir, 'next'), 'six');
    await rename(join(dir, 'next'), file);
    await vi.waitFor(() => expect(opened.value).toBe('six'), patient);
    expect(errors).toEqual([]);
  });

  it('are read again when a link on the way to them is swapped, as Kubernetes does', async () => {
    const link = join(dir, 'link');
    for (const version of ['v1', 'v2']) await writeFile(join(dir, version), version);
    await symlink('v1', link);
    const opened = await open([link]);
    await symlink('v2', join(dir, 'next'));
    await rename(join(dir, 'next'), link);
    await vi.waitFor(() => expect(opened.value).toBe('v2'), patient);
  });

  it('that become unusable are told once, and what they said before holds', async () => {
    await writeFile(file, 'one');
    const opened = await open();
    await writeFile(file, 'bad');
    await vi.waitFor(() => expect(errors).toHaveLength(1), patient);
    expect(errors[0]?.message).toBe(`the policy file ${file}: it is bad`);
    await rm(file);
    await vi.waitFor(() => expect(errors).toHaveLength(2), patient);
    expect(errors[1]?.message).toBe(`the policy file ${file} cannot be read (ENOENT)`);
    expect(opened.value).toBe('one');
    await writeFile(file, 'two');
    await vi.waitFor(() => expect(opened.value).toBe('two'), patient);
    expect(errors).toHaveLength(2);
  });

  it('cannot be opened where they are missing or unusable', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'unreadable' });
    await writeFile(file, 'bad');
    await expect(open()).rejects.toMatchObject({ code: 'malformed' });
  });

  it('make one value of several', async () => {
    const other = join(dir, 'other');
    await writeFile(file, 'a');
    await writeFile(other, 'b');
    const opened = await open([file, other]);
    expect(opened.value).toBe('a+b');
    await writeFile(other, 'c');
    await vi.waitFor(() => expect(opened.value).toBe('a+c'), patient);
  });
});
