import { normalAttribute } from './pattern.ts';

/**
 * Attributes of nixpkgs that lead to all packages once more: built otherwise (for other machines, with another C library
 * or compiler), as seen from another stage of bootstrapping, or the same. No binary cache has most of what is in them, so
 * one name would have a whole tool chain built; and lists of packages could be walked around through them.
 * {@link https://github.com/NixOS/nixpkgs/blob/master/pkgs/top-level/stage.nix}
 * {@link https://github.com/NixOS/nixpkgs/blob/master/pkgs/top-level/variants.nix}
 */
const SETS = [
  'buildPackages',
  'nixosTests',
  'pkgs',
  'pkgsArocc',
  'pkgsBuildBuild',
  'pkgsBuildHost',
  'pkgsBuildTarget',
  'pkgsChecked',
  'pkgsCross',
  'pkgsCuda',
  'pkgsExtraHardening',
  'pkgsForCudaArch',
  'pkgsHostHost',
  'pkgsHostTarget',
  'pkgsLLVM',
  'pkgsLLVMLibc',
  'pkgsLinux',
  'pkgsMusl',
  'pkgsParallel',
  'pkgsRocm',
  'pkgsStatic',
  'pkgsStrict',
  'pkgsStructured',
  'pkgsTargetTarget',
  'pkgsZig',
  'pkgsi686Linux',
  'pkgsx86_64Darwin',
  'targetPackages',
  'tests',
] as const;

const BY_NORMAL_NAME: ReadonlyMap<string, string> = new Map(
  SETS.map((name) => [normalAttribute(name), name]),
);

/** The names of all such sets. */
export const DETOURS: readonly string[] = SETS;

/** How a name leads round, if it does. */
export interface Detour {
  /** The set, as nixpkgs spells it. */
  readonly set: string;
  /** What follows its name, '' where nothing does. */
  readonly rest: string;
}

/**
 * The detours in an attribute path, the first one first. A set of packages may have its own `pkgs` (`python3.pkgs`), which
 * is a detour like the others to who keeps lists, and of no harm to who does not: it counts in front, and elsewhere where
 * asked for.
 */
export function detoursOf(
  attribute: string,
  { innerPkgs }: { readonly innerPkgs: boolean },
): readonly Detour[] {
  const path = normalAttribute(attribute);
  const detours: Detour[] = [];
  const parts = path.split('.');
  for (const [index, part] of parts.entries()) {
    const set = BY_NORMAL_NAME.get(part);
    if (set === undefined || (set === 'pkgs' && index > 0 && !innerPkgs)) continue;
    detours.push({ set, rest: parts.slice(index + 1).join('.') });
  }
  return detours;
}

/** False only where there is no detour. Nearly every name is a single one, in lower case as in the image's name, and none of these. */
export function mayBeDetour(attribute: string): boolean {
  return attribute.includes('.') || BY_NORMAL_NAME.has(attribute);
}

/** A name of a set by which to allow it, in whatever case; undefined for what is none. */
export function setNamed(text: string): string | undefined {
  return BY_NORMAL_NAME.get(normalAttribute(text));
}
