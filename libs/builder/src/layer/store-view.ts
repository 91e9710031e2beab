import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { STORE_DIR } from './archive.ts';
import type { ByteString } from './tree.ts';

export interface StoreEntry {
  readonly name: ByteString;
  readonly type: 'directory' | 'symlink' | 'other';
}

export interface ResolvedPath {
  /** Without a link in it. */
  readonly path: ByteString;
  readonly type: StoreEntry['type'];
}

/** As many links as Linux follows before it says ELOOP: https://man7.org/linux/man-pages/man7/path_resolution.7.html */
const MAX_LINKS = 40;

/**
 * The store as it is seen inside an image: at `/nix/store`, wherever it is on this machine, with nothing beside it.
 * All paths are those of the image.
 */
export class StoreView {
  readonly #storeDir: ByteString;

  /** @param storeDir the folder that holds the store paths on this machine */
  constructor(storeDir: string) {
    this.#storeDir = Buffer.from(storeDir).toString('latin1');
  }

  /** What is in a directory, in any order. */
  list(directory: ByteString): StoreEntry[] {
    return readdirSync(this.#locate(directory), { encoding: 'buffer', withFileTypes: true }).map(
      (entry) => ({ name: entry.name.toString('latin1'), type: typeOf(entry) }),
    );
  }

  /** Whether something is at a path, links not followed. */
  has(path: ByteString): boolean {
    return this.#typeAt(path) !== undefined;
  }

  /**
   * What a path leads to, links followed; undefined where that is nothing, goes round in circles, or lies outside the
   * store.
   */
  resolve(path: ByteString): ResolvedPath | undefined {
    const pending = path.split('/').toReversed();
    let resolved: ByteString[] = [];
    let type: StoreEntry['type'] | undefined = 'directory';
    let links = 0;
    while (pending.length > 0) {
      const name = pending.pop();
      if (name === undefined || name === '' || name === '.') continue;
      if (type !== 'directory') return undefined;
      if (name === '..') {
        resolved.pop();
        continue;
      }
      const next = `/${[...resolved, name].join('/')}`;
      type = this.#typeAt(next);
      if (type !== 'symlink') {
        resolved.push(name);
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) return undefined;
      const target = readlinkSync(this.#locate(next), { encoding: 'buffer' }).toString('latin1');
      if (target.startsWith('/')) resolved = [];
      pending.push(...target.split('/').toReversed());
      type = 'directory';
    }
    const real = `/${resolved.join('/')}`;
    return type === undefined || !real.startsWith(`${STORE_DIR}/`)
      ? undefined
      : { path: real, type };
  }

  #typeAt(path: ByteString): StoreEntry['type'] | undefined {
    if (path === STORE_DIR || STORE_DIR.startsWith(`${path}/`)) return 'directory';
    if (!path.startsWith(`${STORE_DIR}/`)) return undefined;
    const stat = lstatSync(this.#locate(path), { throwIfNoEntry: false });
    return stat === undefined ? undefined : typeOf(stat);
  }

  #locate(path: ByteString): Buffer {
    return Buffer.from(`${this.#storeDir}${path.slice(STORE_DIR.length)}`, 'latin1');
  }
}

function typeOf(file: { isDirectory(): boolean; isSymbolicLink(): boolean }): StoreEntry['type'] {
  if (file.isDirectory()) return 'directory';
  return file.isSymbolicLink() ? 'symlink' : 'other';
}
