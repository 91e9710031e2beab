import type { Compression, System } from '@nixery/builder';

import {
  type AccessConfig,
  accessProblems,
  accessWarnings,
  type PageAccess,
  type TlsConfig,
  toAccessConfig,
  toPageAccess,
  toTlsConfig,
} from './access/access-config.ts';
import { nearest } from './nearest.ts';
import type { NixOptions } from './nix-options.ts';
import { readStorage, type StorageConfig } from './storage-config.ts';
import { type Environment, environment } from './variables.ts';

/** The server's settings, checked. Times in ms. */
export interface Config {
  readonly host: string | undefined;
  readonly port: number;
  readonly source:
    | { readonly kind: 'path'; readonly path: string; readonly refresh: string | undefined }
    | { readonly kind: 'git'; readonly url: string }
    | { readonly kind: 'channel'; readonly channel: string; readonly repositoryUrl: string };
  readonly storage: StorageConfig;
  /** Whether clients are sent to a bucket for blobs, or are sent them. */
  readonly blobs: 'redirect' | 'proxy';
  readonly stateDir: string;
  readonly allow: {
    readonly unfree: boolean;
    readonly broken: boolean;
    readonly insecure: boolean;
    readonly unsupportedSystem: boolean;
  };
  /** The platforms of a name that names none. */
  readonly systems: readonly System[];
  readonly listsCatalog: boolean;
  readonly importFromDerivation: boolean;
  /** Where reference counts of the package set are. */
  readonly popularityUrl: string | undefined;
  readonly compression: Compression;
  readonly derivationTimeoutMs: number;
  readonly buildTimeoutMs: number;
  /** Settings of nix.conf, by name. */
  readonly nixOptions: NixOptions;
  readonly nixThreads: number;
  readonly maxBuilds: number;
  readonly recencyMs: number;
  readonly staleMs: number;
  /** Null: the storage is not read through. */
  readonly scrubIntervalMs: number | null;
  readonly holdMs: number;
  /** Whether nothing is built: what the Nix store lacks has to come from a binary cache. */
  readonly substitutesOnly: boolean;
  readonly access: AccessConfig;
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined;
  /** Null: the last request of the ladder waits as long as the build takes. */
  readonly lastHoldMs: number | null;
  readonly page: PageAccess;
  readonly webDir: string | undefined;
  /** Whether packages can be searched for. */
  readonly search: boolean;
  /** Sets whose packages are found though they do not say `recurseForDerivations`. */
  readonly searchSets: readonly string[];
  readonly logLevel: Environment['NIXERY_LOG_LEVEL'];
  readonly logFormat: Environment['NIXERY_LOG_FORMAT'];
  /** Whether `/metrics` is there. */
  readonly metrics: boolean;
}

/** What the server needs of the machine it runs on, and of others. */
export interface Places {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly storage: StorageConfig | undefined;
  readonly stateDir: string | undefined;
  readonly popularityUrl: string | undefined;
}

/** Settings that cannot be used; all of them, one message each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  /** Those of the places whose settings are right. */
  readonly places: Places;
  /** What is no mistake by itself and may be why there is one: a setting that is missing may be there under a wrong name. */
  readonly warnings: readonly string[];

  constructor(problems: readonly string[], places: Places, warnings: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
    this.places = places;
    this.warnings = warnings;
  }
}

/** The names of all variables that are settings of this server. */
const CONFIG_VARIABLES: readonly string[] = Object.keys(environment.shape);

/** Variables of other makers that begin as ours do: Kubernetes describes a service named "nixery" in them. */
const FOREIGN = /^NIXERY_(?:SERVICE_|PORT(?:_|$))/;

/**
 * Reads the settings from environment variables. An empty variable counts as one that is not set.
 *
 * @returns the settings, and warnings about what is probably not meant
 * @throws ConfigError naming every variable whose value cannot be used
 */
export function readConfig(env: NodeJS.ProcessEnv): {
  readonly config: Config;
  readonly warnings: readonly string[];
} {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  const problems: string[] = [];
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      problems.push(`${issue.path.join('.')} ${issue.message}`);
  }
  const sources = SOURCES.filter((name) => set[name] !== undefined);
  if (sources.length === 0) {
    problems.push(
      'no package source is set: set NIXERY_CHANNEL (nixos-unstable, for example), NIXERY_PKGS_REPO or NIXERY_PKGS_PATH',
    );
  }
  const { storage, problems: missing, warnings } = readStorage(set);
  problems.push(...missing, ...accessProblems(set));
  const stateDir = set['NIXERY_STATE_DIR'] ?? defaultStateDir(set);
  if (stateDir === undefined) {
    problems.push('NIXERY_STATE_DIR is not set, and there is no HOME to derive it from');
  }
  if (!parsed.success || storage === undefined || problems.length > 0) {
    const { NIX_POPULARITY_URL, NIXERY_STATE_DIR, PORT } = environment.shape;
    const places = {
      host: set['NIXERY_HOST'],
      port: PORT.safeParse(set['PORT']).data,
      storage,
      stateDir: NIXERY_STATE_DIR.safeParse(stateDir).data,
      popularityUrl: NIX_POPULARITY_URL.safeParse(set['NIX_POPULARITY_URL']).data,
    };
    throw new ConfigError(problems, places, unknownVariables(set));
  }
  return {
    config: toConfig(parsed.data, storage, stateDir ?? ''),
    warnings: [
      ...sourceWarnings(sources),
      ...warnings,
      ...accessWarnings(set),
      ...unknownVariables(set),
    ],
  };
}

/** In the order in which they win. */
const SOURCES = ['NIXERY_CHANNEL', 'NIXERY_PKGS_REPO', 'NIXERY_PKGS_PATH'] as const;

function sourceWarnings([used, ...ignored]: readonly string[]): readonly string[] {
  if (ignored.length === 0) return [];
  return [`several package sources are set: ${used} is used, ${ignored.join(' and ')} ignored`];
}

function unknownVariables(set: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(set)
    .filter(
      (name) =>
        name.startsWith('NIXERY_') && !CONFIG_VARIABLES.includes(name) && !FOREIGN.test(name),
    )
    .map(
      (name) =>
        `${name} is no setting of this server; did you mean ${nearest(name, CONFIG_VARIABLES)}?`,
    );
}

/** systemd's folder for a service's state, else the user's (XDG base directory specification). */
function defaultStateDir(set: Readonly<Record<string, string | undefined>>): string | undefined {
  const systemd = set['STATE_DIRECTORY']?.split(':')[0];
  if (systemd !== undefined) return systemd;
  const home = set['XDG_STATE_HOME'] ?? (set['HOME'] && `${set['HOME']}/.local/state`);
  return home === undefined ? undefined : `${home}/nixery`;
}

function toConfig(env: Environment, storage: StorageConfig, stateDir: string): Config {
  return {
    host: env.NIXERY_HOST,
    port: env.PORT,
    source: sourceOf(env),
    storage,
    blobs: env.NIXERY_BLOBS,
    stateDir,
    allow: {
      unfree: env.NIXPKGS_ALLOW_UNFREE,
      broken: env.NIXPKGS_ALLOW_BROKEN,
      insecure: env.NIXPKGS_ALLOW_INSECURE,
      unsupportedSystem: env.NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM,
    },
    systems: env.NIXERY_PLATFORMS,
    listsCatalog: env.NIXERY_CATALOG,
    importFromDerivation: env.NIXERY_ALLOW_IFD,
    popularityUrl: env.NIX_POPULARITY_URL,
    compression: env.NIXERY_COMPRESSION,
    derivationTimeoutMs: env.NIX_TIMEOUT * 1000,
    buildTimeoutMs: env.NIXERY_BUILD_TIMEOUT * 1000,
    nixOptions: env.NIXERY_NIX_OPTIONS ?? {},
    nixThreads: env.NIXERY_NIX_PROCESSES,
    maxBuilds: env.NIXERY_MAX_BUILDS,
    recencyMs: env.NIXERY_RECENCY_SECONDS * 1000,
    staleMs: env.NIXERY_STALE_SECONDS * 1000,
    scrubIntervalMs: env.NIXERY_SCRUB_SECONDS === 0 ? null : env.NIXERY_SCRUB_SECONDS * 1000,
    holdMs: env.NIXERY_HOLD_SECONDS * 1000,
    substitutesOnly: env.NIXERY_BUILD === 'substitutes-only',
    access: toAccessConfig(env),
    tls: toTlsConfig(env),
    lastHoldMs:
      env.NIXERY_LAST_HOLD_SECONDS === undefined ? null : env.NIXERY_LAST_HOLD_SECONDS * 1000,
    page: toPageAccess(env),
    webDir: env.WEB_DIR,
    search: env.NIXERY_SEARCH === 'on',
    searchSets: env.NIXERY_SEARCH_SETS,
    logLevel: env.NIXERY_LOG_LEVEL,
    logFormat: env.NIXERY_LOG_FORMAT,
    metrics: env.NIXERY_METRICS === 'on',
  };
}

function sourceOf(env: Environment): Config['source'] {
  if (env.NIXERY_CHANNEL !== undefined) {
    return { kind: 'channel', channel: env.NIXERY_CHANNEL, repositoryUrl: env.NIXERY_CHANNEL_URL };
  }
  if (env.NIXERY_PKGS_REPO !== undefined) return { kind: 'git', url: env.NIXERY_PKGS_REPO };
  return { kind: 'path', path: env.NIXERY_PKGS_PATH ?? '', refresh: env.NIXERY_PKGS_REFRESH };
}
