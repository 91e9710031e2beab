import { DEFAULT_COMPRESSION, parseCompression, PLATFORMS, type System } from '@nixery/builder';
import { z } from 'zod';

import { accepted, descriptions } from './describe.ts';
import { parseNixOptions } from './nix-options.ts';
import { absolutePath, flag, integer, seconds, SECONDS_A_DAY } from './value-types.ts';

const platforms = z
  .string()
  .transform((text, context): readonly System[] => {
    const systems = text.split(',').map((platform) => PLATFORMS[platform.trim()]);
    const known = systems.filter((system) => system !== undefined);
    if (known.length < systems.length) {
      context.addIssue(`must be some of ${Object.keys(PLATFORMS).join(',')}`);
    }
    return known;
  })
  .register(accepted, { values: `one or both of \`${Object.keys(PLATFORMS).join(',')}\`` });

// https://git-scm.com/docs/git-clone#_git_urls
const gitUrl = z
  .string()
  .refine(
    (url) => /^(?:https?|ssh|git|file):\/\/[^-]|^\/|^[^-\s:][^\s:]*:[^:]/.test(url),
    'must be an http(s), ssh, git or file address, or an absolute path',
  )
  .register(accepted, {
    values: 'an `http(s)`, `ssh`, `git` or `file` address, `user@host:path`, or an absolute path',
  });

const popularityUrl = z
  .url({ protocol: /^(?:https?|file)$/, error: 'must be an http(s) or file address' })
  .register(accepted, { values: 'an `http(s)` or `file` address' });

const channelUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
  .register(accepted, { values: 'an `http(s)` address' });

const compression = z
  .string()
  .transform((text, context) => {
    const parsed = parseCompression(text);
    if (parsed !== undefined) return parsed;
    context.addIssue('must be gzip:1 to gzip:9 or zstd:1 to zstd:19');
    return z.NEVER;
  })
  .register(accepted, { values: '`gzip:1` to `gzip:9`, `zstd:1` to `zstd:19`' });

const nixOptions = z
  .string()
  .transform((text, context) => {
    const parsed = parseNixOptions(text);
    if ('options' in parsed) return parsed.options;
    for (const problem of parsed.problems) context.addIssue(problem);
    return z.NEVER;
  })
  .register(accepted, { values: '`--option NAME VALUE`, any number of times' });

const CHANNEL = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const channel = z
  .string()
  .regex(CHANNEL, 'must be a branch of nixpkgs, such as nixos-unstable, or a commit')
  .register(accepted, { values: 'a branch of nixpkgs, or a commit' });

/** Where packages come from. */
export const sourceVariables = {
  NIXERY_CHANNEL: channel.optional().register(descriptions, {
    group: 'packages',
    about:
      'A branch of nixpkgs, such as `nixos-unstable`, or a commit of it ([package sources](package-sources.md)). One source is needed; ' +
      'of several, the first in the order `NIXERY_CHANNEL`, `NIXERY_PKGS_REPO`, `NIXERY_PKGS_PATH` is used.',
    nixery: true,
    brief: 'packages come from this branch of nixpkgs, such as `nixos-unstable`, or commit',
  }),
  NIXERY_CHANNEL_URL: channelUrl
    .prefault('https://github.com/NixOS/nixpkgs')
    .register(descriptions, {
      group: 'packages',
      about:
        'The repository that channels are branches of, on a forge that serves `archive/<ref>.tar.gz` as GitHub does.',
    }),
  NIXERY_PKGS_REPO: gitUrl.optional().register(descriptions, {
    group: 'packages',
    about:
      'A git repository. The image’s tag is a branch, tag or commit of it, and `latest` its HEAD ([package sources](package-sources.md#a-git-repository)). ' +
      'A user and password in the address are kept out of logs and answers.',
    nixery: true,
    secret: 'value',
    brief: '… or from this git repository: an image’s tag is a branch, tag or commit of it',
  }),
  NIXERY_PKGS_PATH: absolutePath.optional().register(descriptions, {
    group: 'packages',
    about:
      'A folder on this machine, read where it is ([package sources](package-sources.md#a-folder)).',
    nixery: true,
    brief: '… or from this folder',
  }),
  NIXERY_PKGS_REFRESH: absolutePath.optional().register(descriptions, {
    group: 'packages',
    about:
      'A program that brings the folder up to date, without arguments: run when something of it does not build, which is then tried once more.',
  }),
  NIXERY_RECENCY_SECONDS: seconds(0, 365 * SECONDS_A_DAY)
    .prefault('21600')
    .register(descriptions, {
      group: 'packages',
      about:
        'For how long a branch, a channel or a folder is taken to be what it was. Images in use are refreshed in the background from 80 % of it.',
    }),
  NIXERY_STALE_SECONDS: seconds(0, 365 * SECONDS_A_DAY)
    .prefault('0')
    .register(descriptions, {
      group: 'packages',
      about:
        'For how long beyond that an image is still served at once while it is refreshed. Where the source cannot be reached, it is served in any case.',
    }),
};

/** How images are built, and what they look like. */
export const buildVariables = {
  NIX_TIMEOUT: seconds(1, 30 * SECONDS_A_DAY)
    .prefault('60')
    .register(descriptions, {
      group: 'building',
      about: 'For how long one derivation may build.',
      nixery: true,
      brief: 'seconds for one derivation',
    }),
  NIXERY_BUILD_TIMEOUT: seconds(1, 30 * SECONDS_A_DAY)
    .prefault('3600')
    .register(descriptions, {
      group: 'building',
      about:
        'For how long one image may take, waiting included; then the answer is 429, and what is built by then is kept.',
    }),
  NIXERY_HOLD_SECONDS: seconds(1, 3_600).prefault('20').register(descriptions, {
    group: 'building',
    about:
      'For how long a request waits for a build before it is redirected to itself ([times](reverse-proxy.md#times)).',
  }),
  NIXERY_LAST_HOLD_SECONDS: seconds(1, 30 * SECONDS_A_DAY)
    .optional()
    .register(descriptions, {
      group: 'building',
      about:
        'For how long the last of ten such requests waits; then the answer is 429, while the build goes on: for proxies that give up.',
      unset: 'as long as the build takes',
    }),
  NIXERY_NIX_PROCESSES: integer(1, 256).prefault('4').register(descriptions, {
    group: 'building',
    about: 'Nix processes at the same time.',
  }),
  NIXERY_NIX_OPTIONS: nixOptions.optional().register(descriptions, {
    group: 'building',
    about:
      'Settings for Nix: binary caches, remote builders, and more, out of [a list](nix.md). Part of no image’s key, since none of them changes an image.',
    secret: 'value',
  }),
  NIXERY_MAX_BUILDS: integer(1, 100_000).prefault('100').register(descriptions, {
    group: 'building',
    about: 'Images being built or waiting for it; more are answered 429.',
    brief: 'images being built or waiting for it; more are answered 429',
  }),
  NIXERY_BUILD: z
    .enum(['all', 'substitutes-only'], 'must be all or substitutes-only')
    .prefault('all')
    .register(descriptions, {
      group: 'building',
      about:
        '`substitutes-only`: nothing is built; what the Nix store lacks has to come from a binary cache ([what is built](security.md#what-is-built)).',
    }),
  NIXERY_ALLOW_IFD: flag.prefault('0').register(descriptions, {
    group: 'building',
    about: '1: let evaluation build derivations (import from derivation).',
  }),
  NIXPKGS_ALLOW_UNFREE: flag.prefault('0').register(descriptions, {
    group: 'building',
    about: '1: build packages whose licence is not free.',
    nixery: true,
    brief: '1: build packages whose licence is not free',
  }),
  NIXPKGS_ALLOW_BROKEN: flag.prefault('0').register(descriptions, {
    group: 'building',
    about: '1: try to build packages that are marked as broken.',
    nixery: true,
  }),
  NIXPKGS_ALLOW_INSECURE: flag.prefault('0').register(descriptions, {
    group: 'building',
    about: '1: build packages with known vulnerabilities.',
    nixery: true,
  }),
  NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM: flag.prefault('0').register(descriptions, {
    group: 'building',
    about: '1: try to build packages that are not meant for the platform.',
    nixery: true,
  }),
  NIXERY_PLATFORMS: platforms.prefault('linux/amd64').register(descriptions, {
    group: 'images',
    about:
      'The platforms of a name that names none. Several make its tags image indexes, from which a client takes its own platform ([platforms](image-names.md#platforms)).',
    brief: 'platforms of a name that names none, such as `linux/amd64,linux/arm64`',
  }),
  NIXERY_COMPRESSION: compression
    .prefault(`${DEFAULT_COMPRESSION.format}:${DEFAULT_COMPRESSION.level}`)
    .register(descriptions, {
      group: 'images',
      about:
        'How layers are compressed. zstd is smaller and faster; clients that accept Docker’s form alone get gzip.',
    }),
  NIX_POPULARITY_URL: popularityUrl.optional().register(descriptions, {
    group: 'images',
    about:
      'Where [reference counts](../tools/popularity/README.md) of the package set are, by which small paths are put into layers. ' +
      'Read at start, which fails without them: images would have other digests.',
    nixery: true,
  }),
};
