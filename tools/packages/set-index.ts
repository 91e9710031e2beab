import type { Architecture } from './architecture.ts';
import { findUnits, reachableUnits, resolveClosure } from './closure.ts';
import type { Closure, Unit } from './closure.ts';
import type { Archive, BinaryPackage } from './control.ts';
import type { Catalogue, Locale, PackageEntry } from './entry.ts';
import { upstreamVersion } from './version.ts';

/** A .deb as the Nix files of the set take it. */
export interface DebFile {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
}

interface UnitRecord {
  readonly version: string;
  readonly debs: readonly DebFile[];
  readonly depends: readonly string[];
  /** Units of interpreters that the unit's scripts may want without depending on them. */
  readonly fallbacks: readonly string[];
}

interface PackageRecord {
  readonly pname: string;
  readonly version: string;
  readonly debs: readonly { readonly name: string; readonly unit: string }[];
  readonly closure: readonly string[];
  readonly programs: readonly string[];
  readonly path: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  /** The unit that has the locale; empty without the C library. */
  readonly locale: string;
  readonly unions: Readonly<Record<string, string>>;
  readonly tree: Readonly<Record<string, string>>;
  readonly treeFiles: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
  readonly script?: string;
  readonly unfree: boolean;
  readonly broken: boolean;
  readonly knownVulnerabilities: readonly string[];
  readonly platforms: readonly string[];
  /** As in nixpkgs: https://nixos.org/manual/nixpkgs/stable/#chap-meta */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** What an attribute may be that is no set. */
type Leaf =
  | { readonly kind: 'package'; readonly value: PackageRecord }
  | { readonly kind: 'renamed'; readonly value: { readonly from: string; readonly to: string } };

/** A node of the attribute tree. A list, since Nix sorts attribute names and a record would hide the order. */
export type AttributeRecord = { readonly name: string } & (
  Leaf | { readonly kind: 'set'; readonly value: readonly AttributeRecord[] }
);

/** What the Nix files read for one target; the shape of `<system>.json`. */
export interface SetIndex {
  readonly loader: string;
  readonly units: Readonly<Record<string, UnitRecord>>;
  readonly attributes: readonly AttributeRecord[];
}

/** What {@link makeIndex} is told besides the archive. */
export interface IndexOptions {
  readonly architecture: Architecture;
  readonly catalogue: Catalogue;
  readonly interpreters: readonly string[];
  readonly ignoredDepends: ReadonlySet<string>;
  readonly locale: Locale;
}

/**
 * Makes the index of one target, and names the attributes that it leaves out because the archive lacks their packages:
 * a Debian release that dropped one of them must not cost the others.
 */
export function makeIndex(
  archive: Archive,
  { architecture, catalogue, interpreters, ignoredDepends, locale }: IndexOptions,
): { readonly index: SetIndex; readonly missing: readonly string[] } {
  const entries = Object.entries(catalogue).flatMap(([path, entry]) =>
    'debs' in entry ? [{ path, entry }] : [],
  );
  const roots = entries.flatMap(({ entry }) => [...entry.debs, ...(entry.with ?? [])]);
  const always = [...interpreters, locale.deb];
  const closure = resolveClosure(archive, [...roots, ...always], ignoredDepends);
  const units = new Map(findUnits(closure.depends).map((unit) => [unit.name, unit]));
  const unitOf = new Map(
    [...units.values()].flatMap(({ name, members }) => members.map((member) => [member, name])),
  );

  function unitNames(debs: readonly string[]): readonly string[] {
    return [...new Set(debs.map((deb) => unitOf.get(deb)).filter((name) => name !== undefined))];
  }

  const interpreterUnits = unitNames(interpreters);
  const beneathInterpreters = new Set(reachableUnits(units, interpreterUnits));
  const absent = new Set(closure.missing);
  const missing: string[] = [];
  const leaves: { readonly path: readonly string[]; readonly leaf: Leaf }[] = [];
  for (const [dotted, entry] of Object.entries(catalogue)) {
    const path = dotted.split('.');
    if ('renamedTo' in entry) {
      leaves.push({
        path,
        leaf: { kind: 'renamed', value: { from: dotted, to: entry.renamedTo } },
      });
    } else if ([...entry.debs, ...(entry.with ?? [])].some((deb) => absent.has(deb))) {
      missing.push(dotted);
    } else {
      const value = packageRecord(path.at(-1) ?? dotted, entry, {
        closure,
        unitNames,
        units,
        locale,
      });
      leaves.push({ path, leaf: { kind: 'package', value } });
    }
  }
  return {
    index: {
      loader: architecture.loader,
      units: Object.fromEntries(
        [...units.values()].map((unit) => [
          unit.name,
          unitRecord(unit, closure, beneathInterpreters.has(unit.name) ? [] : interpreterUnits),
        ]),
      ),
      attributes: attributeTree(leaves),
    },
    missing,
  };
}

/** What of a package Nix is to fetch. */
export function debFile({ name, version, url, sha256 }: BinaryPackage): DebFile {
  return { name, version, url, sha256 };
}

function unitRecord(unit: Unit, closure: Closure, fallbacks: readonly string[]): UnitRecord {
  const members = unit.members
    .map((member) => closure.packages.get(member))
    .filter((member) => member !== undefined);
  return {
    version: closure.packages.get(unit.name)?.version.replace(/^\d+:/, '') ?? '',
    debs: members.map(debFile),
    depends: unit.depends,
    fallbacks,
  };
}

interface Resolved {
  readonly closure: Closure;
  readonly unitNames: (debs: readonly string[]) => readonly string[];
  readonly units: ReadonlyMap<string, Unit>;
  readonly locale: Locale;
}

function packageRecord(
  attribute: string,
  entry: PackageEntry,
  { closure, unitNames, units, locale }: Resolved,
): PackageRecord {
  const main = describedBy(entry.debs[0], closure);
  const { mainProgram = attribute } = entry;
  const withUnits = unitNames(entry.with ?? []);
  const reached = reachableUnits(units, [...unitNames(entry.debs), ...withUnits]);
  const localized = unitNames([locale.of]).some((unit) => reached.includes(unit));
  return {
    pname: entry.pname ?? attribute,
    version: upstreamVersion(main?.version ?? ''),
    debs: entry.debs.map((name) => ({ name, unit: unitNames([name])[0] ?? name })),
    closure: reached,
    programs: entry.programs ?? [],
    path: withUnits,
    links: { ...entry.links, ...(localized ? locale.links : {}) },
    locale: localized ? (unitNames([locale.deb])[0] ?? '') : '',
    unions: entry.union ?? {},
    tree: entry.tree ?? {},
    treeFiles: entry.treeFiles ?? {},
    files: entry.files ?? {},
    environment: entry.env ?? {},
    arguments: entry.args ?? [],
    ...(entry.script === undefined ? {} : { script: entry.script }),
    unfree: entry.unfree ?? false,
    broken: entry.broken ?? false,
    knownVulnerabilities: entry.knownVulnerabilities ?? [],
    platforms: entry.platforms ?? ['x86_64-linux', 'aarch64-linux'],
    meta: {
      description: main?.summary ?? '',
      ...(main?.homepage === undefined ? {} : { homepage: main.homepage }),
      license: licenseRecords(entry),
      ...(mainProgram === false ? {} : { mainProgram }),
    },
  };
}

/** Debian's `gcc` and `postgresql` hold nothing; what they are is told by the `gcc-12` and `postgresql-15` they depend on. */
function describedBy(deb: string, { depends, packages }: Closure): BinaryPackage | undefined {
  const versioned = depends
    .get(deb)
    ?.find((name) => name.startsWith(deb) && /^-?\d[\d.]*$/.test(name.slice(deb.length)));
  return packages.get(versioned ?? deb);
}

interface LicenseRecord {
  readonly spdxId: string;
  readonly shortName: string;
  readonly fullName: string;
  readonly free: boolean;
}

/** One as it is and several as a list, as in nixpkgs. */
function licenseRecords({
  license,
  unfree = false,
}: PackageEntry): LicenseRecord | readonly LicenseRecord[] {
  const record = (id: string) => ({ spdxId: id, shortName: id, fullName: id, free: !unfree });
  return typeof license === 'string' ? record(license) : license.map(record);
}

function attributeTree(
  leaves: readonly { readonly path: readonly string[]; readonly leaf: Leaf }[],
): readonly AttributeRecord[] {
  const heads = Map.groupBy(leaves, ({ path: [head = ''] }) => head);
  return [...heads].map(([name, group]) => {
    const [first, ...others] = group;
    if (first?.path.length === 1 && others.length === 0) return { name, ...first.leaf };
    const value = attributeTree(group.map(({ path: [, ...path], leaf }) => ({ path, leaf })));
    return { name, kind: 'set', value };
  });
}
