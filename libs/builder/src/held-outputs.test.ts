import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HeldOutputs } from './held-outputs.ts';
import type { StorePathInfo } from './layer/types.ts';

const HOUR = 60 * 60 * 1000;

let dir: string;
let now: number;
let held: HeldOutputs;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nixery-held-'));
  now = 0;
  held = new HeldOutputs({ now: () => now });
});
afterEach(async () => {
  await held.close();
  await rm(dir, { recursive: true });
});

/** An output that is there, over others. */
function info(name: string, ...references: readonly string[]): StorePathInfo {
  return {
    path: join(dir, name),
    narHash: `sha256:${'0'.repeat(64)}`,
    narSize: 1,
    references: references.map((reference) => join(dir, reference)),
  };
}

function roots(name: string): string {
  return join(dir, `roots-${name}`);
}

/** Keeps `name`, which needs itself and `library`. */
async function keep(name: string, library: string) {
  await mkdir(roots(name));
  await writeFile(join(dir, name), '');
  return await held.keep(
    roots(name),
    [join(dir, name)],
    [info(name, name, library), info(library)],
  );
}

async function acquire(...names: readonly string[]) {
  return await held.acquire(names.map((name) => join(dir, name)));
}

function names(graph: readonly StorePathInfo[] | undefined) {
  return graph?.map(({ path }) => path.slice(dir.length + 1)).toSorted();
}

describe('outputs that were realised', () => {
  it('are held together with what they need, in any combination', async () => {
    await (await keep('a', 'common')).release();
    await (await keep('b', 'common')).release();
    const both = await acquire('b', 'a');
    expect(names(both?.graph)).toEqual(['a', 'b', 'common']);
    expect(names((await acquire('a'))?.graph)).toEqual(['a', 'common']);
    expect(await acquire('a', 'unheard-of')).toBeUndefined();
  });

  it('are given up an hour after their last use', async () => {
    await (await keep('a', 'common')).release();
    now = HOUR - 1;
    await (await acquire('a'))?.release();
    now += HOUR - 1;
    expect(await acquire('b')).toBeUndefined();
    expect(existsSync(roots('a'))).toBe(true);
    now += 1;
    expect(await acquire('a')).toBeUndefined();
    expect(existsSync(roots('a'))).toBe(false);
  });

  it('stay in the store for as long as somebody uses them', async () => {
    const using = await keep('a', 'common');
    now = 2 * HOUR;
    expect(await acquire('a')).toBeUndefined();
    await held.close();
    expect(existsSync(roots('a'))).toBe(true);
    await using.release();
    expect(existsSync(roots('a'))).toBe(false);
  });

  it('are released once, however often that is said', async () => {
    const first = await keep('a', 'common');
    const second = await acquire('a');
    await first.release();
    await first.release();
    now = 2 * HOUR;
    await acquire('a');
    expect(existsSync(roots('a'))).toBe(true);
    await second?.release();
    expect(existsSync(roots('a'))).toBe(false);
  });

  it('are held for the builds that last used them, at most 256 of them', async () => {
    await (await keep('first', 'common')).release();
    await (await keep('second', 'common')).release();
    await (await acquire('first'))?.release();
    for (let i = 0; i < 255; i++) await (await keep(`other-${i}`, 'common')).release();
    expect(await acquire('second')).toBeUndefined();
    expect(names((await acquire('first'))?.graph)).toEqual(['common', 'first']);
  });

  it.each([
    ['an output', () => join(dir, 'a')],
    ['the folder with the roots', () => roots('a')],
  ])('are not taken to be there when %s is gone', async (_, place) => {
    await (await keep('a', 'common')).release();
    await rm(place(), { recursive: true });
    expect(await acquire('a')).toBeUndefined();
  });

  it('are asked of Nix again when they are to be forgotten', async () => {
    await (await keep('a', 'common')).release();
    held.forget([join(dir, 'a')]);
    expect(await acquire('a')).toBeUndefined();
  });
});
