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

/** The same packages for several platforms, each an image of its own: an image index. */
export interface IndexRequest extends Omit<ImageRequest, 'system'> {
  /** Two or more, in the order of {@link PLATFORMS}. */
  readonly systems: readonly [System, ...System[]];
}

/** What a tag may stand for. */
export type PullRequest = ImageRequest | IndexRequest;

/** The platform of images whose name does not begin with one. */
const DEFAULT_SYSTEM: System = 'x86_64-linux';

/** Bytes of a name; many clients refuse a reference of more than 255 characters. */
const MAX_NAME_LENGTH = 255;
const MAX_PACKAGES = 64;

/** distribution-spec, "Pulling manifests": <name> and <reference>. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Registries that people write in front of a name where they take this one for their mirror. */
const OTHER_REGISTRY =
  /(?:^|\.)(?:docker\.io|docker\.com|ghcr\.io|gcr\.io|pkg\.dev|quay\.io|k8s\.io|mcr\.microsoft\.com|azurecr\.io|amazonaws\.com|public\.ecr\.aws|registry\.gitlab\.com|nvcr\.io)$/;

const SHELL = ['bashInteractive', 'coreutils', 'moreutils', 'nano'];
const SYSTEMS: Readonly<Record<string, System>> = {
  amd64: 'x86_64-linux',
  arm64: 'aarch64-linux',
};

/** Platforms as container clients write them, in the order that an index has them. */
export const PLATFORMS: Readonly<Record<string, System>> = {
  'linux/amd64': 'x86_64-linux',
  'linux/arm64': 'aarch64-linux',
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

/** What a name holds, before a platform is chosen for one that names none. */
interface ParsedName {
  readonly packages: readonly string[];
  readonly system: System | undefined;
  readonly reference: string;
}

/**
 * Reads an image name such as `arm64/shell/git/python3packages.requests`.
 *
 * @param name the part of the URL between `/v2/` and `/manifests/`
 * @param tag the tag asked for
 * @throws BuildError `name-invalid` when name or tag break the distribution spec's grammar or a limit of ours
 */
export function parseImageName(name: string, tag: string): ImageRequest {
  const { system = DEFAULT_SYSTEM, ...rest } = parseName(name, tag);
  return { ...rest, system };
}

/**
 * The same where a name without a platform stands for several.
 *
 * @param systems the platforms of such a name, one or more
 * @throws BuildError `name-invalid`
 */
export function parsePullRequest(
  name: string,
  tag: string,
  systems: readonly System[],
): PullRequest {
  const { system, ...rest } = parseName(name, tag);
  if (system !== undefined) return { ...rest, system };
  const [only = DEFAULT_SYSTEM, ...others] = Object.values(PLATFORMS).filter((known) =>
    systems.includes(known),
  );
  if (others.length === 0) return { ...rest, system: only };
  return { ...rest, systems: [only, ...others] };
}

/** The request for one of an index's images. */
export function requestOfChild(request: IndexRequest, system: System): ImageRequest {
  const { packages, reference } = request;
  return { packages, reference, system };
}

export function isIndexRequest(request: PullRequest): request is IndexRequest {
  return 'systems' in request;
}

export function systemsOf(request: PullRequest): readonly System[] {
  return isIndexRequest(request) ? request.systems : [request.system];
}

/** The packages that the name itself asks for: those of every image are left out. */
export function namedPackages({ packages }: PullRequest): readonly string[] {
  return packages.filter((name) => !ALWAYS.includes(name));
}

function parseName(name: string, tag: string): ParsedName {
  const reference = parseTag(tag);
  const parts = parseComponents(name);
  const [first = '', ...others] = parts;
  if (others.length > 0 && OTHER_REGISTRY.test(first)) {
    invalid(
      `images of ${first} are not served here: this registry builds images of the packages that a name lists, ` +
        `such as shell/git; pull ${others.join('/')} from ${first} itself`,
    );
  }
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
    system: SYSTEMS[platforms[0] ?? ''],
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

/** One short name for all spellings of an image, whatever their order and repetition; it can be pulled as any of them. */
export function canonicalName(request: PullRequest): string {
  const hasShell = request.packages.includes('bashInteractive');
  const leading = [
    ...('system' in request && request.system === 'aarch64-linux' ? ['arm64'] : []),
    ...(hasShell ? ['shell'] : []),
  ];
  const named = namedPackages(request).filter((name) => !hasShell || !SHELL.includes(name));
  const ordinary = named.filter(isOrdinary);
  const behind = named.filter((name) => !isOrdinary(name));
  const needsOther = ordinary.length === 0 && (behind.length > 0 || !hasShell);
  return [...leading, ...(needsOther ? ['cacert'] : ordinary), ...behind].join('/');
}

/** A package of a meta-package's or a registry's name is one only behind another package. */
function isOrdinary(name: string): boolean {
  return !META_PACKAGES.includes(name) && !OTHER_REGISTRY.test(name);
}
