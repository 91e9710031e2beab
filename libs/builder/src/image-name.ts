import { BuildError } from './errors.ts';

/** A platform as Nix names it. */
export type System = 'x86_64-linux' | 'aarch64-linux';

/** What an image name and tag ask for, in canonical form: two spellings of one image give equal requests. */
export interface ImageRequest {
  /** Sorted, without repetition; as written in the image name, so lower-case. */
  readonly packages: readonly string[];
  readonly system: System;
  /** The tag; `latest` when the client named none. */
  readonly reference: string;
}

/** The platform of images whose name does not begin with one. */
const DEFAULT_SYSTEM: System = 'x86_64-linux';

/** Bytes of a name; many clients refuse a reference of more than 255 characters. */
const MAX_NAME_LENGTH = 255;
const MAX_PACKAGES = 64;

/** distribution-spec, "Pulling manifests": <name> and <reference>. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

const SHELL = ['bashInteractive', 'coreutils', 'moreutils', 'nano'];
const SYSTEMS: Readonly<Record<string, System>> = {
  amd64: 'x86_64-linux',
  arm64: 'aarch64-linux',
};

/** Meta-packages stand for platforms or groups of packages, and lead an image name. */
export const META_PACKAGES: readonly string[] = ['shell', ...Object.keys(SYSTEMS)];

/** Attributes that every image holds: the CA bundle, and the names of protocols and services. */
const ALWAYS = ['cacert', 'iana-etc'];

function invalid(message: string): never {
  throw new BuildError('name-invalid', message);
}

/** @throws BuildError `name-invalid` */
export function parseTag(tag: string): string {
  if (TAG.test(tag)) return tag;
  return invalid(
    'invalid tag: use 1 to 128 letters, digits, "_", "." and "-", beginning with a letter, digit or "_"',
  );
}

/**
 * Reads an image name such as `arm64/shell/git/python3packages.requests`.
 *
 * @param name the part of the URL between `/v2/` and `/manifests/`
 * @param tag the tag asked for
 * @throws BuildError `name-invalid` when name or tag break the distribution spec's grammar or a limit of ours
 */
export function parseImageName(name: string, tag: string): ImageRequest {
  const reference = parseTag(tag);
  const parts = parseComponents(name);
  const leading = parts.findIndex((part) => !META_PACKAGES.includes(part));
  const meta = new Set(leading === -1 ? parts : parts.slice(0, leading));
  const named = new Set(leading === -1 ? [] : parts.slice(leading));

  const platforms = Object.keys(SYSTEMS).filter((platform) => meta.has(platform));
  if (platforms.length > 1) {
    invalid(`image name asks for two platforms, ${platforms.join(' and ')}: name one of them`);
  }
  if (named.size > MAX_PACKAGES) {
    invalid(`image name holds ${named.size} packages; the limit is ${MAX_PACKAGES}`);
  }
  const packages = new Set([...ALWAYS, ...(meta.has('shell') ? SHELL : []), ...named]);
  return {
    packages: [...packages].sort(),
    system: SYSTEMS[platforms[0] ?? ''] ?? DEFAULT_SYSTEM,
    reference,
  };
}

/**
 * Checks a repository name against the distribution spec and splits it at `/`.
 *
 * @throws BuildError `name-invalid`
 */
export function parseComponents(name: string): readonly string[] {
  if (name.length > MAX_NAME_LENGTH) {
    invalid(`image name has ${name.length} characters; the limit is ${MAX_NAME_LENGTH}`);
  }
  const parts = name.split('/');
  for (const part of parts) {
    if (part === '') invalid('image name has an empty part: separate packages by one "/"');
    if (!COMPONENT.test(part)) {
      invalid(
        `image name part ${JSON.stringify(part)} is not allowed: use lower-case letters and digits, ` +
          'separated by ".", "_", "__" or "-"',
      );
    }
  }
  return parts;
}

/** The shortest name that asks for the same image: what to write after the registry's address. */
export function shortName({ packages, system }: Pick<ImageRequest, 'packages' | 'system'>): string {
  const platform = Object.keys(SYSTEMS).find((name) => SYSTEMS[name] === system);
  const hasShell = SHELL.every((name) => packages.includes(name));
  const named = packages.filter(
    (name) => !ALWAYS.includes(name) && !(hasShell && SHELL.includes(name)),
  );
  const parts = [
    ...(system === DEFAULT_SYSTEM || platform === undefined ? [] : [platform]),
    ...(hasShell ? ['shell'] : []),
    // A package that is called as a meta-package is one only behind another package.
    ...named.filter((name) => !META_PACKAGES.includes(name)),
    ...named.filter((name) => META_PACKAGES.includes(name)),
  ];
  return (parts.length === 0 ? ALWAYS : parts).join('/');
}

/** One name for all spellings of an image, whatever their order and repetition. */
export function canonicalName(request: ImageRequest): string {
  return [request.system, ...request.packages].join('/');
}
