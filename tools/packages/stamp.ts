import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

import { hostArchitecture } from './architecture.ts';

const sources = fileURLToPath(new URL('.', import.meta.url));
const nixFiles = fileURLToPath(new URL('nix', import.meta.url));

/** Hashes of what a package set is made from. */
export interface Stamp {
  readonly lists: string;
  readonly all: string;
}

/** Changes when apt's lists or sources do (`lists`), or also when the catalogue or the Nix files do (`all`). */
export async function currentStamp(lists: string): Promise<Stamp> {
  const listHash = createHash('sha256');
  for (const directory of [lists, '/etc/apt', '/etc/apt/sources.list.d']) {
    const names: readonly string[] = await readdir(directory).catch(() => []);
    for (const name of names.toSorted()) {
      const found = await stat(join(directory, name)).catch(() => undefined);
      if (found?.isFile() === true && name !== 'lock')
        listHash.update(`${name} ${found.size} ${found.mtimeMs}\n`);
    }
  }
  const listDigest = listHash.digest('hex');
  const all = createHash('sha256').update(listDigest).update(hostArchitecture().system);
  for (const directory of [sources, nixFiles]) {
    const recursive = directory === nixFiles;
    for (const name of (await readdir(directory, { recursive })).sort()) {
      const isSource = /(?<!\.test)\.\w+$/.test(name) && !name.endsWith('.md');
      if (isSource) all.update(name).update(await readFile(join(directory, name)));
    }
  }
  return { lists: listDigest, all: all.digest('hex') };
}

/** The stamp of a package set that was made, and when. */
const KnownStamp = z.object({ all: z.string(), lists: z.string(), madeAtMs: z.number() });
export type KnownStamp = Readonly<z.infer<typeof KnownStamp>>;

/** The stamp that {@link writeStamp} left, if the package set is still there. */
export async function readStamp(state: string, dir: string): Promise<KnownStamp | undefined> {
  if (!existsSync(join(dir, 'default.nix'))) return undefined;
  try {
    return KnownStamp.parse(JSON.parse(await readFile(join(state, 'stamp.json'), 'utf8')));
  } catch {
    // Absent or torn: made again.
    return undefined;
  }
}

/** Notes what the package set was made from. */
export async function writeStamp(state: string, stamp: Stamp): Promise<void> {
  const known: KnownStamp = { ...stamp, madeAtMs: Date.now() };
  await writeFile(join(state, 'stamp.json'), JSON.stringify(known));
}
