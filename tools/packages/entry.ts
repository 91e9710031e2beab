/**
 * One attribute of the package set. Paths are looked up in the package's Debian closure, its own packages first, with
 * `/bin`, `/sbin` and `/lib` merged into `/usr`; shell patterns are allowed, so that no version needs to be named.
 */
export interface PackageEntry {
  /** Debian packages whose programs the attribute offers; the first gives version, description and homepage. */
  readonly debs: readonly [string, ...string[]];
  /** https://spdx.org/licenses, or an expression of such identifiers. */
  readonly license: string;
  /** Program that an image of this package starts; by default the attribute's own name, if there is such a program. */
  readonly mainProgram?: string;
  /** nixpkgs' name for the package, where neither attribute nor Debian package bears it. */
  readonly pname?: string;
  /** Further Debian packages that the programs need, their programs appended to PATH. */
  readonly with?: readonly string[];
  /** Variables set for every program, unless the user has: a path in the closure, or a literal after `=`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments put before the user's, for every program: as in `env`. */
  readonly args?: readonly string[];
  /** Links in the package, to paths in the closure: what update-alternatives or a maintainer script would have made. */
  readonly links?: Readonly<Record<string, string>>;
  /** Directories in the package that unite those of one path in the whole closure. */
  readonly union?: Readonly<Record<string, string>>;
  /** Built by a script in `nix/`, with the unpacked Debian packages in `$debs`, and without references to them. */
  readonly script?: string;
  readonly unfree?: boolean;
  readonly broken?: boolean;
  readonly knownVulnerabilities?: readonly string[];
  /** Targets that have the package; both by default. */
  readonly platforms?: readonly string[];
}

/** An attribute that moved: evaluating it throws, as nixpkgs' aliases do. */
export interface RenamedEntry {
  readonly renamedTo: string;
}

/** Attributes by their dotted path. */
export type Catalogue = Readonly<Record<string, PackageEntry | RenamedEntry>>;
