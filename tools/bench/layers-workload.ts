import { storeName, type StorePathInfo } from '@nixery/builder/layer';
import { createHash } from 'node:crypto';
import { closureOf } from './layers-offline-set.ts';

/** What images are drawn from. */
export interface PackageSet {
  /** Store path by attribute. */
  readonly packages: ReadonlyMap<string, string>;
  /** Everything that the packages need. */
  readonly graph: readonly StorePathInfo[];
  /** In a layer of its own (bytes). */
  readonly packedSize: (info: StorePathInfo) => number;
}

/** Who asks for what. */
export interface Catalogue {
  /** The commonest first: the nth is drawn in proportion to 1/n (Zipf). */
  readonly byPopularity: readonly string[];
  /** In every image. */
  readonly always: readonly string[];
  /** In seven of ten images. */
  readonly shell: readonly string[];
  /** Of `byPopularity` in one image. */
  readonly mostPackages: number;
  /** What has a new version, by name without hash. */
  readonly leaf: RegExp;
  readonly library: RegExp;
}

/** What people ask an on-demand registry for, of what the offline set has. */
export const OFFLINE_CATALOGUE = {
  byPopularity: (
    'git curl python3 nodejs-slim openssl jq vim wget postgresql htop gnugrep gnused findutils gnutar gzip nginx redis openssh ' +
    'rsync sqlite ripgrep perl procps tree python3Packages.requests python3Packages.pyyaml hello which gcc ' +
    'perlPackages.JSON _7zz nano gawk busybox xorg.xauth perlPackages.TimeDate qemu-user'
  ).split(' '),
  always: ['cacert', 'iana-etc'],
  shell: ['bashInteractive', 'coreutils', 'moreutils', 'nano'],
  mostPackages: 5,
  leaf: /^jq-1/,
  library: /^(?:lib)?ssl3-|^openssl-/,
} satisfies Catalogue;

const WITH_SHELL = 0.7;
/** Of all packages have a new version within some days. */
const IN_SOME_DAYS = 1 / 50;

/** A package set at one time: the same packages, some of them in a newer version than before. */
export interface Generation {
  readonly name: string;
  readonly images: readonly (readonly StorePathInfo[])[];
}

export interface Workload {
  /** Reference graphs of the images before anything changed. */
  readonly first: Generation;
  /** What they are after a leaf, a library, or everything has a new version. */
  readonly bumps: readonly Generation[];
  readonly distinctImages: number;
}

/** Draws images of a few packages and their companions; the same for the same seed. */
export function drawWorkload(
  set: PackageSet,
  catalogue: Catalogue,
  count: number,
  seed: number,
): Workload {
  const random = mulberry32(seed);
  const byPopularity = catalogue.byPopularity.filter((name) => set.packages.has(name));
  const images = Array.from({ length: count }, () =>
    drawPackages({ ...catalogue, byPopularity }, random).sort(),
  );
  const generation = (name: string, changed: (name: string) => boolean): Generation => {
    const rename = bump(set.graph, changed);
    const graph = new Map(
      set.graph.map((info) => [
        rename(info.path),
        { ...info, path: rename(info.path), references: info.references.map(rename) },
      ]),
    );
    const rootsOf = (packages: readonly string[]) =>
      packages.map((attribute) => rename(set.packages.get(attribute) ?? missing(attribute)));
    return { name, images: images.map((packages) => closureOf(graph, rootsOf(packages))) };
  };
  return {
    first: generation('none', () => false),
    bumps: [
      generation(`a leaf: ${catalogue.leaf.source}`, (name) => catalogue.leaf.test(name)),
      generation(`openssl: ${catalogue.library.source}`, (name) => catalogue.library.test(name)),
      generation('one package in fifty', (name) => fraction(name) < IN_SOME_DAYS),
      generation('everything', () => true),
    ],
    distinctImages: new Set(images.map((packages) => packages.join())).size,
  };
}

function drawPackages(
  { byPopularity, always, shell, mostPackages }: Catalogue,
  random: () => number,
): string[] {
  const weights = byPopularity.map((_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const drawOne = (): string => {
    let left = random() * total;
    const index = weights.findIndex((weight) => (left -= weight) < 0);
    return byPopularity.at(index) ?? missing(String(index));
  };
  const packages = new Set(always);
  const wanted = 1 + Math.floor(random() * mostPackages);
  for (let i = 0; i < wanted; i += 1) packages.add(drawOne());
  if (random() < WITH_SHELL) for (const attribute of shell) packages.add(attribute);
  return [...packages];
}

/** From 0 to 1, by nothing but the name. */
function fraction(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

/** A path has another hash when it or anything that it refers to has changed, as Nix derives hashes from inputs. */
function bump(
  graph: readonly StorePathInfo[],
  changed: (name: string) => boolean,
): (path: string) => string {
  const byPath = new Map(graph.map((info) => [info.path, info]));
  const renamed = new Map<string, string>();
  const rename = (path: string): string => {
    const known = renamed.get(path);
    if (known !== undefined) return known;
    renamed.set(path, path);
    const references = byPath.get(path)?.references ?? [];
    if (changed(storeName(path)) || references.some((other) => rename(other) !== other)) {
      const hash = createHash('sha256').update(`newer ${path}`).digest('hex').slice(0, 32);
      renamed.set(path, `/nix/store/${hash}-${storeName(path)}`);
    }
    return renamed.get(path) ?? path;
  };
  return rename;
}

function missing(attribute: string): never {
  throw new Error(`not in the package set: ${attribute}`);
}

/** Tommy Ettinger's generator, of 32 bits of state: enough to draw images, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
