import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openStateDir, StateDirInUse } from './state-dir.ts';

describe('a state folder', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nixery-state-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('belongs to one server at a time', async () => {
    const first = await openStateDir(dir);
    await expect(openStateDir(dir)).rejects.toThrow(StateDirInUse);
    first.release();
    const second = await openStateDir(dir);
    second.release();
  });

  it('is cleared of what a server that was killed left behind', async () => {
    const first = await openStateDir(dir);
    await writeFile(join(first.spool, 'half a layer'), '');
    await writeFile(join(first.roots, 'a root'), '');
    await writeFile(join(first.downloads, 'half a source'), '');
    const repository = join(first.git, 'nixpkgs.git');
    await mkdir(join(repository, 'refs', 'heads'), { recursive: true });
    await mkdir(join(first.git, 'checkout-x', 'source'), { recursive: true });
    await writeFile(join(repository, 'config'), '');
    await writeFile(join(repository, 'config.lock'), '');
    await writeFile(join(repository, 'refs', 'heads', 'main.lock'), '');
    first.release();
    const second = await openStateDir(dir);
    expect(await readdir(second.spool)).toEqual([]);
    expect(await readdir(second.roots)).toEqual([]);
    expect(await readdir(second.downloads)).toEqual([]);
    expect(await readdir(second.git)).toEqual(['nixpkgs.git']);
    expect((await readdir(repository)).sort()).toEqual(['config', 'refs']);
    expect(await readdir(join(repository, 'refs', 'heads'))).toEqual([]);
    second.release();
  });
});
