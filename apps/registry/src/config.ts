import {
  type Compression,
  DEFAULT_COMPRESSION,
  parseCompression,
  PLATFORMS,
  type System,
} from '@nixery/builder';
import { z } from 'zod';

import {
  type AccessConfig,
  accessProblems,
  accessVariables,
  accessWarnings,
  type PageAccess,
  type TlsConfig,
  toAccessConfig,
  toPageAccess,
  toTlsConfig,
} from './access/access-config.ts';
import { nearest } from './nearest.ts';
import { readStorage, type StorageConfig, storageVariables } from './storage-config.ts';

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
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
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

  constructor(problems: readonly string[], places: Places) {
    super(problems.join('\n'));
    this.problems = problems;
    this.places = places;
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const LOG_FORMATS = ['json', 'pretty'] as const;

function integer(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

const flag = z
  .enum(['0', '1', 'true', 'false'], 'must be 1, true, 0 or false')
  .transform((text) => text === '1' || text === 'true');

const platforms = z.string().transform((text, context): readonly System[] => {
  const systems = text.split(',').map((platform) => PLATFORMS[platform.trim()]);
  const known = systems.filter((system) => system !== undefined);
  if (known.length < systems.length) {
    context.addIssue(`must be some of ${Object.keys(PLATFORMS).join(',')}`);
  }
  return known;
});

const absolutePath = z.string().startsWith('/', 'must be an absolute path');
const day = 24 * 60 * 60;

// https://git-scm.com/docs/git-clone#_git_urls
const gitUrl = z
  .string()
  .refine(
    (url) => /^(?:https?|ssh|git|file):\/\/[^-]|^\/|^[^-\s:][^\s:]*:[^:]/.test(url),
    'must be an http(s), ssh, git or file address, or an absolute path',
  );

const popularityUrl = z.url({
  protocol: /^(?:https?|file)$/,
  error: 'must be an http(s) or file address',
});

const compression = z.string().transform((text, context) => {
  const parsed = parseCompression(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('must be gzip:1 to gzip:9 or zstd:1 to zstd:19');
  return z.NEVER;
});

const CHANNEL = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** The variables, in the order of the README's table. */
const environment = z.object({
  PORT: integer(0, 65_535).default(8080),
  NIXERY_HOST: z.string().optional(),
  NIXERY_CHANNEL: z
    .string()
    .regex(CHANNEL, 'must be a branch of nixpkgs, such as nixos-unstable, or a commit')
    .optional(),
  NIXERY_CHANNEL_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .default('https://github.com/NixOS/nixpkgs'),
  NIXERY_PKGS_REPO: gitUrl.optional(),
  NIXERY_PKGS_PATH: absolutePath.optional(),
  NIXERY_PKGS_REFRESH: absolutePath.optional(),
  ...storageVariables,
  NIXERY_STATE_DIR: absolutePath.optional(),
  NIX_POPULARITY_URL: popularityUrl.optional(),
  NIXERY_COMPRESSION: compression.default(DEFAULT_COMPRESSION),
  NIX_TIMEOUT: integer(1, 30 * day).default(60),
  NIXERY_BUILD_TIMEOUT: integer(1, 30 * day).default(3_600),
  NIXERY_HOLD_SECONDS: integer(1, 3_600).default(20),
  NIXERY_LAST_HOLD_SECONDS: integer(1, 30 * day).optional(),
  NIXERY_NIX_PROCESSES: integer(1, 256).default(4),
  NIXERY_MAX_BUILDS: integer(1, 100_000).default(100),
  NIXERY_RECENCY_SECONDS: integer(0, 365 * day).default(21_600),
  NIXERY_STALE_SECONDS: integer(0, 365 * day).default(0),
  NIXERY_SCRUB_SECONDS: integer(0, 365 * day).default(day),
  NIXPKGS_ALLOW_UNFREE: flag.default(false),
  NIXPKGS_ALLOW_BROKEN: flag.default(false),
  NIXPKGS_ALLOW_INSECURE: flag.default(false),
  NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM: flag.default(false),
  NIXERY_ALLOW_IFD: flag.default(false),
  ...accessVariables,
  NIXERY_PLATFORMS: platforms.default(['x86_64-linux']),
  NIXERY_CATALOG: flag.default(false),
  WEB_DIR: absolutePath.optional(),
  NIXERY_LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  NIXERY_LOG_FORMAT: z.enum(LOG_FORMATS, 'must be json or pretty').default('json'),
  NIXERY_METRICS: z.enum(['on', 'off'], 'must be on or off').default('on'),
});
type Environment = z.infer<typeof environment>;

/** The names of all variables that are settings of this server. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(environment.shape);

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
    throw new ConfigError(problems, {
      host: set['NIXERY_HOST'],
      port: PORT.safeParse(set['PORT']).data,
      storage,
      stateDir: NIXERY_STATE_DIR.safeParse(stateDir).data,
      popularityUrl: NIX_POPULARITY_URL.safeParse(set['NIX_POPULARITY_URL']).data,
    });
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
