import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { folderState } from './folder-state.ts';

let dir: string;
let folder: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-folder-'));
  folder = join(dir, 'folder');
  await mkdir(join(folder, 'deep', 'deeper'), { recursive: true });
  await writeFile(join(folder, 'default.nix'), '{ }');
  await writeFile(join(folder, 'deep', 'deeper', 'file'), 'content');
  await symlink('default.nix', join(folder, 'link'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Some time after all changes, within the time that a state is valid for. */
const later = Math.ceil(Date.now() / 600_000) * 600_000 + 60_000;

async function state(now = later): Promise<string | undefined> {
  return await folderState(folder, { now });
}

describe('the state of a folder', () => {
  it('is the same as long as nobody changes it', async () => {
    const before = await state();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    expect(await state(later + 1000)).toBe(before);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a file is written', () => writeFile(join(folder, 'deep', 'deeper', 'file'), 'CONTENT')],
    [
      'a file is written and its old date set',
      async () => {
        await writeFile(join(folder, 'default.nix'), '{x}');
        await utimes(join(folder, 'default.nix'), 1, 1);
      },
    ],
    ['a file is added', () => writeFile(join(folder, 'deep', 'new'), '')],
    ['an empty folder is added', () => mkdir(join(folder, 'deep', 'new'))],
    ['a file is removed', () => rm(join(folder, 'deep', 'deeper', 'file'))],
    ['a file is renamed', () => rename(join(folder, 'default.nix'), join(folder, 'other.nix'))],
    ['a mode is changed', () => chmod(join(folder, 'default.nix'), 0o755)],
    [
      'a link leads elsewhere',
      async () => {
        await unlink(join(folder, 'link'));
        await symlink('default.mix', join(folder, 'link'));
      },
    ],
    [
      'the link to it leads to another folder',
      async () => {
        await rename(folder, join(dir, 'old'));
        await cp(join(dir, 'old'), join(dir, 'new'), { recursive: true });
        await symlink('new', folder);
      },
    ],
    [
      'another folder takes its place',
      async () => {
        await rename(folder, join(dir, 'old'));
        await mkdir(folder);
      },
    ],
  ])('is another one when %s', async (_, change) => {
    const before = await state();
    await change();
    const after = await state();
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
  });

  it('is another one ten minutes later: what is evaluated may depend on more', async () => {
    expect(await state(later + 600_000)).not.toBe(await state());
  });

  it('is not known where something has just been changed', async () => {
    expect(await state(Date.now())).toBeUndefined();
  });

  it('is not known of a large folder', async () => {
    await Promise.all(
      Array.from({ length: 250 }, (_, i) => writeFile(join(folder, 'deep', `${i}`), '')),
    );
    expect(await state()).toBeUndefined();
  });

  it('is not known of what is not there', async () => {
    expect(await folderState(join(dir, 'absent'), { now: later })).toBeUndefined();
  });

  it('may be that of a file', async () => {
    const file = join(folder, 'default.nix');
    const before = await folderState(file, { now: later });
    await writeFile(file, '{y}');
    expect(before).toBeDefined();
    expect(await folderState(file, { now: later })).not.toBe(before);
  });
});
