import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { readElf } from './elf.ts';
import type { ElfFile } from './elf.ts';

/** A program, library or object file, and where it is. */
export interface FoundElf extends ElfFile {
  readonly path: string;
}

/** All programs, libraries and object files below `root`, links left out. */
export async function elfFilesIn(root: string): Promise<readonly FoundElf[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: FoundElf[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const elf = entry.isFile() ? readElf(await readFile(path)) : undefined;
    if (elf !== undefined) found.push({ ...elf, path });
  }
  return found;
}

/** The interpreters and run paths that lie in none of the store paths of `closure`, after the file that has each. */
export function outsideOf(
  closure: readonly string[],
  files: readonly FoundElf[],
): readonly string[] {
  return files.flatMap(({ path, interpreter, runPath }) =>
    [...(interpreter === undefined ? [] : [interpreter]), ...runPath]
      .filter((reference) => !closure.some((root) => reference.startsWith(`${root}/`)))
      .map((reference) => `${path}: ${reference}`),
  );
}

/**
 * The libraries that are in no run path of the files that need them, after the file.
 *
 * @param store the folder that is `/nix/store` to the files
 */
export async function lostLibraries(
  files: readonly FoundElf[],
  store = '/nix/store',
): Promise<readonly string[]> {
  const names = new Map<string, ReadonlySet<string>>();
  for (const directory of new Set(files.flatMap(({ runPath }) => runPath))) {
    names.set(directory, new Set(await readdir(directory.replace('/nix/store', store))));
  }
  return files.flatMap(({ path, needed, runPath }) =>
    needed
      // The loader is there already.
      .filter((library) => !library.startsWith('ld-linux-'))
      .filter((library) => !runPath.some((directory) => names.get(directory)?.has(library)))
      .map((library) => `${path}: ${library}`),
  );
}
