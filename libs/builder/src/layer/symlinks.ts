import {
  CA_BUNDLE,
  CA_BUNDLE_ALIASES,
  createSkeleton,
  NOT_LINKED,
  REAL_TREES,
} from './skeleton.ts';
import { LayerError } from './error.ts';
import { StoreView, type StoreEntry } from './store-view.ts';
import type { Collision, LinkedPackage } from './task.ts';
import { directory, lookUp, type ByteString, type TreeDirectory, type TreeNode } from './tree.ts';

export interface SymlinkLayerPlan {
  readonly root: TreeDirectory;
  readonly collisions: readonly Collision[];
  readonly binaries: readonly string[];
  readonly hasCaBundle: boolean;
}

/**
 * The union of the packages' trees at `/`, over the skeleton that every image has.
 *
 * A directory is real where it must be (at the top, in the skeleton, below `/etc` and its like) or where several
 * packages bring it; any other is one link to the store, which keeps the layer small. Of what several packages bring
 * to one path the first package's is kept. The skeleton's own files always are: a package's `etc/passwd` would take
 * the image's root and nobody away, and as a link into the store no runtime could write to it.
 *
 * @param storeDir the folder that holds the store paths on this machine
 */
export function planSymlinkLayer(
  packages: readonly LinkedPackage[],
  storeDir: string,
): SymlinkLayerPlan {
  const union = new Union(new StoreView(storeDir));
  const root = createSkeleton();
  union.mergePackages(root, packages);
  linkEnv(root);
  linkCaBundle(root);
  return {
    root,
    collisions: union.collisions,
    binaries: listBinaries(root),
    hasCaBundle: lookUp(root, CA_BUNDLE)?.type === 'symlink',
  };
}

/** A directory that a package brings to a directory of the image. */
interface Source {
  readonly owner: string;
  /** Where it really is in the store. */
  readonly path: ByteString;
  /** The real directories it was reached through. A link back to one of them would have no end. */
  readonly above: readonly ByteString[];
  /** Links among those. */
  readonly links: number;
}

/** What a package has at a path of the image. */
interface Candidate {
  readonly owner: string;
  /** As it is reached in the store. */
  readonly path: ByteString;
  /** Set where it is a directory, or a link to one that can be merged with others. */
  readonly directory: Source | undefined;
}

/** Directories behind more links than this stay links: trees that link to each other multiply with every step. */
const MAX_LINKS = 8;

/** Who keeps a path that the skeleton has. */
const IMAGE = 'image';

class Union {
  readonly collisions: Collision[] = [];
  readonly #store: StoreView;

  constructor(store: StoreView) {
    this.#store = store;
  }

  mergePackages(root: TreeDirectory, packages: readonly LinkedPackage[]): void {
    const sources = packages.flatMap(({ name, path }): Source[] => {
      if (!this.#store.has(path))
        throw new LayerError('missing', `not in the store: ${path}`, path);
      const resolved = this.#store.resolve(path);
      if (resolved?.type !== 'directory') return [];
      return [{ owner: name, path: resolved.path, above: [], links: 0 }];
    });
    this.#merge(root, '', distinct(sources));
  }

  #merge(into: TreeDirectory, imagePath: ByteString, sources: readonly Source[]): void {
    const byName = new Map<ByteString, [Source, StoreEntry][]>();
    for (const source of sources) {
      for (const entry of this.#store.list(source.path)) {
        if (imagePath === '' && NOT_LINKED.has(entry.name)) continue;
        const found = byName.get(entry.name) ?? [];
        byName.set(entry.name, [...found, [source, entry]]);
      }
    }
    for (const name of [...byName.keys()].sort()) {
      this.#place(into, `${imagePath}/${name}`, byName.get(name) ?? []);
    }
  }

  #place(
    into: TreeDirectory,
    imagePath: ByteString,
    found: readonly (readonly [Source, StoreEntry])[],
  ): void {
    const name = imagePath.slice(imagePath.lastIndexOf('/') + 1);
    const existing = into.children.get(name);
    const [, top = '', ...below] = imagePath.split('/');
    const real = below.length === 0 || REAL_TREES.has(top);
    const [only, ...others] = found;
    if (existing === undefined && !real && only !== undefined && others.length === 0) {
      into.children.set(name, link(`${only[0].path}/${name}`));
      return;
    }

    const candidates = found.map(([source, entry]) => this.#candidate(source, entry));
    const directories = distinct(candidates.flatMap(({ directory }) => directory ?? []));
    const first = candidates[0];
    if (existing !== undefined) {
      const isDirectory = existing.type === 'directory';
      const dropped = isDirectory ? candidates.filter(isNotDirectory) : candidates;
      this.#report(imagePath, IMAGE, dropped);
      if (isDirectory) this.#merge(existing, imagePath, directories);
    } else if (first?.directory !== undefined) {
      this.#report(imagePath, first.owner, candidates.filter(isNotDirectory));
      if (directories.length === 1 && !real) {
        into.children.set(name, link(first.path));
        return;
      }
      const merged = directory(0o755);
      into.children.set(name, merged);
      this.#merge(merged, imagePath, directories);
    } else if (first !== undefined) {
      this.#report(imagePath, first.owner, this.#differing(first, candidates.slice(1)));
      into.children.set(name, link(first.path));
    }
  }

  #candidate(source: Source, { name, type }: StoreEntry): Candidate {
    const path = `${source.path}/${name}`;
    const candidate = { owner: source.owner, path };
    const above = [...source.above, source.path];
    if (type === 'directory') {
      return { ...candidate, directory: { owner: source.owner, path, above, links: source.links } };
    }
    const links = source.links + 1;
    const resolved = type === 'symlink' && links <= MAX_LINKS && this.#store.resolve(path);
    if (!resolved || resolved.type !== 'directory' || above.includes(resolved.path)) {
      return { ...candidate, directory: undefined };
    }
    return { ...candidate, directory: { owner: source.owner, path: resolved.path, above, links } };
  }

  /** Packages that link to one and the same file do not collide. */
  #differing(first: Candidate, others: readonly Candidate[]): Candidate[] {
    if (others.length === 0) return [];
    const target = this.#store.resolve(first.path)?.path;
    return others.filter(
      ({ path }) => target === undefined || this.#store.resolve(path)?.path !== target,
    );
  }

  #report(path: ByteString, kept: string, dropped: readonly Candidate[]): void {
    if (dropped.length === 0) return;
    this.collisions.push({ path: decode(path), kept, dropped: dropped.map(({ owner }) => owner) });
  }
}

function isNotDirectory(candidate: Candidate): boolean {
  return candidate.directory === undefined;
}

/** The first of those that are the same directory. */
function distinct(sources: readonly Source[]): Source[] {
  const byPath = new Map<ByteString, Source>();
  for (const source of sources) {
    if (!byPath.has(source.path)) byPath.set(source.path, source);
  }
  return [...byPath.values()];
}

function link(target: ByteString): TreeNode {
  return { type: 'symlink', target };
}

function decode(bytes: ByteString): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** Scripts from everywhere begin with `#!/usr/bin/env`. */
function linkEnv(root: TreeDirectory): void {
  const env = lookUp(root, 'bin/env');
  if (env?.type === 'symlink') addUnlessThere(root, 'usr/bin/env', env);
}

function linkCaBundle(root: TreeDirectory): void {
  const bundle = lookUp(root, CA_BUNDLE);
  if (bundle?.type !== 'symlink') return;
  for (const alias of CA_BUNDLE_ALIASES) addUnlessThere(root, alias, bundle);
}

function addUnlessThere(root: TreeDirectory, path: string, node: TreeNode): void {
  const names = path.split('/');
  const last = names.pop() ?? '';
  let into = root;
  for (const name of names) {
    const next = into.children.get(name) ?? directory(0o755);
    if (next.type !== 'directory') return;
    into.children.set(name, next);
    into = next;
  }
  if (!into.children.has(last)) into.children.set(last, node);
}

function listBinaries(root: TreeDirectory): string[] {
  const bin = lookUp(root, 'bin');
  if (bin?.type !== 'directory') return [];
  const names = [...bin.children].filter(([, node]) => node.type !== 'directory');
  return names.map(([name]) => decode(name)).sort();
}
