/**
 * One attribute of the package set. Patterns are those of the shell; they are looked up in the package's Debian closure,
 * its own packages first, with `/bin`, `/sbin` and `/lib` merged into `/usr`, so that no version needs to be named.
 * Templates are literal but for `<pattern>`, `<tree/pattern>`, `<tree>` and `<out>` (the package itself).
 */
export interface PackageEntry {
  /** Debian packages whose programs the attribute offers; the first one's control data are the attribute's meta. */
  readonly debs: readonly [string, ...string[]];
  /** Identifiers of https://spdx.org/licenses: several where the user has the choice. */
  readonly license: string | readonly string[];
  /** Program that an image of this package starts; by default named as the attribute. False for libraries. */
  readonly mainProgram?: string | false;
  /** nixpkgs' name for the package, where the attribute's is another. */
  readonly pname?: string;
  /** Patterns of programs to offer, instead of all programs of `debs`. */
  readonly programs?: readonly string[];
  /** Further Debian packages that the programs need, their own programs appended to PATH. */
  readonly with?: readonly string[];
  /** Templates of variables that every program gets, unless the user has set them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Templates of arguments put before the user's, for every program. */
  readonly args?: readonly string[];
  /** Links in the package, by pattern: what update-alternatives or a maintainer script would have made. */
  readonly links?: Readonly<Record<string, string>>;
  /** Directories in the package that unite all that match a pattern in the closure; by its name after a `/`. */
  readonly union?: Readonly<Record<string, string>>;
  /**
   * The same in a store path of its own, for programs that want one prefix: images do not show it at their
   * root. Files are copied into it. Programs found in its `usr/bin` are started there, scripts by the interpreter found there.
   */
  readonly tree?: Readonly<Record<string, string>>;
  /** Files in the tree, from `nix/files`. */
  readonly treeFiles?: Readonly<Record<string, string>>;
  /** Files in the package, from `nix/files`. */
  readonly files?: Readonly<Record<string, string>>;
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

/** What every package brings besides whose closure holds the Debian package `of`. */
export interface Locale {
  readonly of: string;
  /** What `nix/locale.sh` takes out of this Debian package. */
  readonly deb: string;
  /** As in {@link PackageEntry.links}. */
  readonly links: Readonly<Record<string, string>>;
}
