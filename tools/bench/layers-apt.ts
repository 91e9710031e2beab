import { byCodeUnit, type StorePathInfo } from '@nixery/builder/layer';
import { createHash } from 'node:crypto';
import { ignoredDepends } from '../packages/catalogue.ts';
import { findUnits, resolveClosure } from '../packages/closure.ts';
import { readArchive, type PackagesFile } from '../packages/control.ts';
import { hostTargets, readPackagesFiles } from '../packages/index-targets.ts';
import type { Catalogue, PackageSet } from './layers-workload.ts';

/**
 * What images of desktop programs and scientific libraries are made of, the commonest first: closures of 10 to 800 packages. All from
 * Debian 12; what another release lacks is left out.
 */
export const LARGE_CATALOGUE = {
  byPopularity: (
    'git curl python3 ffmpeg imagemagick nodejs python3-matplotlib chromium postgresql g++ openjdk-17-jdk jq python3-scipy emacs ' +
    'libreoffice ghostscript cmake jupyter-notebook texlive-latex-extra gimp inkscape gnuplot octave qemu-system-x86 r-base vlc ' +
    'graphviz redis wireshark python3-pandas firefox-esr blender gradle maven qgis thunderbird audacity obs-studio mpv php ' +
    'rabbitmq-server ansible docker.io sagemath paraview kdenlive gnome-shell plasma-desktop texlive-full mariadb-server'
  ).split(' '),
  always: ['ca-certificates', 'netbase'],
  shell: ['bash', 'coreutils', 'moreutils', 'nano'],
  mostPackages: 3,
  leaf: /^(?:git|ffmpeg|python3-numpy)$/,
  library: /^libssl3$/,
} satisfies Catalogue;

interface Sizes {
  readonly installed: number;
  readonly packed: number;
}

/**
 * Debian's packages as apt's lists tell of them, none of them downloaded: a graph of the size and shape of nixpkgs' large programs. A package
 * is a store path of its installed size, and as large in a layer as its .deb.
 */
export async function readAptSet({ byPopularity, always, shell }: Catalogue): Promise<PackageSet> {
  const files = await readPackagesFiles(await hostTargets(process.env), process.env);
  const archive = readArchive(files);
  const roots = [...byPopularity, ...always, ...shell];
  const { packages, depends } = resolveClosure(archive, roots, ignoredDepends);
  const sizes = readSizes(files);
  const units = findUnits(depends);
  const unitOf = new Map(units.flatMap(({ name, members }) => members.map((m) => [m, name])));
  const sizeOf = (members: readonly string[], kind: keyof Sizes) =>
    members
      .map((member) => sizes.get(packages.get(member)?.sha256 ?? '')?.[kind] ?? 0)
      .reduce((sum, size) => sum + size, 0);
  const packed = new Map(units.map(({ name, members }) => [name, sizeOf(members, 'packed')]));
  return {
    packages: new Map(
      roots.flatMap((name) => {
        const unit = unitOf.get(name);
        return unit === undefined ? [] : [[name, storePath(unit)] as const];
      }),
    ),
    graph: units
      .map(
        ({ name, members, depends: others }) =>
          ({
            path: storePath(name),
            narHash: `sha256:${'0'.repeat(64)}`,
            narSize: sizeOf(members, 'installed'),
            references: others.map(storePath),
          }) satisfies StorePathInfo,
      )
      .sort((a, b) => byCodeUnit(a.path, b.path)),
    packedSize: ({ path }) => packed.get(path.slice(storePath('').length)) ?? 0,
  };
}

function storePath(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `/nix/store/${hash}-${name}`;
}

/** By the SHA-256 of the .deb. In `Packages` files, Installed-Size is in KiB and Size in bytes. */
function readSizes(files: readonly PackagesFile[]): ReadonlyMap<string, Sizes> {
  const stanzas = files.flatMap(({ text }) => text.split('\n\n'));
  return new Map(
    stanzas.map((stanza) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
      const installed = Number(field('Installed-Size')) * 1024;
      return [field('SHA256'), { installed, packed: Number(field('Size')) }];
    }),
  );
}
