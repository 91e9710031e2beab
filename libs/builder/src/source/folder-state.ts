import { createHash } from 'node:crypto';
import { lstat, opendir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** Files and folders that are looked at. A checkout of nixpkgs has 60,000: looking at all takes as long as evaluating. */
const MAX_ENTRIES = 200;

/**
 * What has changed less long ago than this may change once more without another time stamp (ms): file systems count in steps, FAT
 * in steps of 2 s. https://git-scm.com/docs/racy-git
 */
const SETTLED_MS = 2_500;

/**
 * How long a state stands for what it is evaluated to (ms), which may also depend on the time and on what the host's nix.conf lets
 * evaluations fetch.
 */
const VALID_MS = 10 * 60 * 1000;

export interface FolderStateOptions {
  /** ms since 1970, as files' time stamps are. */
  readonly now?: number;
}

/**
 * Tells states of a small folder, or of a file, apart without reading it: by its files' identities, sizes, modes and the times
 * that the kernel notes of each change, which programs cannot set.
 *
 * @param path links in it are followed; those in the folder are not
 * @returns undefined where the folder is large, has just been changed, or cannot be read: then it may be another one at any moment
 */
export async function folderState(
  path: string,
  { now = Date.now() }: FolderStateOptions = {},
): Promise<string | undefined> {
  const hash = createHash('sha256').update(String(Math.floor(now / VALID_MS)));
  try {
    let seen = 1;
    for (let level = [await realpath(path)]; level.length > 0;) {
      const entries = await Promise.all(level.map(describe));
      if (entries.some(({ changedMs }) => changedMs > now - SETTLED_MS)) return undefined;
      hash.update(JSON.stringify(entries.map(({ facts }) => facts)));
      level = [];
      for (const { folder } of entries) {
        const room = MAX_ENTRIES - seen;
        const inside = folder === undefined ? [] : await list(folder, room);
        if (inside.length > room) return undefined;
        seen += inside.length;
        level.push(...inside);
      }
    }
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}

interface Entry {
  readonly facts: readonly string[];
  /** ms since 1970. */
  readonly changedMs: number;
  /** Where it is one. */
  readonly folder: string | undefined;
}

async function describe(path: string): Promise<Entry> {
  const stat = await lstat(path, { bigint: true });
  const { dev, ino, mode, size, mtimeNs, ctimeNs } = stat;
  return {
    facts: [path, ...[dev, ino, mode, size, mtimeNs, ctimeNs].map(String)],
    changedMs: Number(ctimeNs / 1_000_000n),
    folder: stat.isDirectory() ? path : undefined,
  };
}

/** What is in a folder, sorted; no more than one too many. */
async function list(folder: string, most: number): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of await opendir(folder)) {
    names.push(name);
    if (names.length > most) break;
  }
  return names.sort().map((name) => join(folder, name));
}
