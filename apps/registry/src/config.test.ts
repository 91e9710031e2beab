import { describe, expect, it } from 'vitest';

import { ConfigError, readConfig } from './config.ts';

const minimal = {
  NIXERY_CHANNEL: 'nixos-unstable',
  STORAGE_PATH: '/srv/nixery',
  HOME: '/home/user',
};

function problems(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('takes a package source and a storage path, and has defaults for the rest', () => {
    const { config, warnings } = readConfig(minimal);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      host: undefined,
      port: 8080,
      source: {
        kind: 'channel',
        channel: 'nixos-unstable',
        repositoryUrl: 'https://github.com/NixOS/nixpkgs',
      },
      storage: { backend: 'filesystem', path: '/srv/nixery' },
      stateDir: '/home/user/.local/state/nixery',
      derivationTimeoutMs: 60_000,
      holdMs: 20_000,
      lastHoldMs: null,
      recencyMs: 21_600_000,
      staleMs: 0,
      scrubIntervalMs: 86_400_000,
    });
  });

  it('has times for moving images, and for reading the storage through', () => {
    const { config } = readConfig({
      ...minimal,
      NIXERY_RECENCY_SECONDS: '60',
      NIXERY_STALE_SECONDS: '600',
      NIXERY_SCRUB_SECONDS: '0',
    });
    expect(config).toMatchObject({ recencyMs: 60_000, staleMs: 600_000, scrubIntervalMs: null });
  });

  it.each([
    [{}, { format: 'gzip', level: 4 }],
    [{ NIXERY_COMPRESSION: 'gzip:9' }, { format: 'gzip', level: 9 }],
    [{ NIXERY_COMPRESSION: 'zstd:3' }, { format: 'zstd', level: 3 }],
  ])('reads from %o how layers are compressed: %o', (env, compression) => {
    expect(readConfig({ ...minimal, ...env }).config.compression).toEqual(compression);
  });

  it.each(['gzip', 'gzip:0', 'gzip:10', 'zstd:20', 'xz:6', 'none'])(
    'refuses the compression %j',
    (NIXERY_COMPRESSION) => {
      expect(problems({ ...minimal, NIXERY_COMPRESSION })).toEqual([
        'NIXERY_COMPRESSION must be gzip:1 to gzip:9 or zstd:1 to zstd:19',
      ]);
    },
  );

  it.each(['popularity.json', '/srv/popularity.json', 'ftp://host/popularity.json'])(
    'refuses %j as an address of popularity counts',
    (NIX_POPULARITY_URL) => {
      expect(problems({ ...minimal, NIX_POPULARITY_URL })).toEqual([
        'NIX_POPULARITY_URL must be an http(s) or file address',
      ]);
    },
  );

  it('takes platforms as clients write them', () => {
    expect(readConfig(minimal).config.systems).toEqual(['x86_64-linux']);
    const both = { ...minimal, NIXERY_PLATFORMS: 'linux/arm64, linux/amd64' };
    expect(readConfig(both).config.systems).toEqual(['aarch64-linux', 'x86_64-linux']);
  });

  it.each(['linux/riscv64', 'amd64', 'linux/amd64,', ','])(
    'refuses %j as platforms',
    (NIXERY_PLATFORMS) => {
      expect(problems({ ...minimal, NIXERY_PLATFORMS })).toEqual([
        'NIXERY_PLATFORMS must be some of linux/amd64,linux/arm64',
      ]);
    },
  );

  it('counts an empty variable as one that is not set', () => {
    expect(readConfig({ ...minimal, PORT: '', NIXERY_HOST: '' }).config.port).toBe(8080);
  });

  it('keeps its state where systemd or the XDG specification says', () => {
    const xdg = { ...minimal, XDG_STATE_HOME: '/state' };
    expect(readConfig(xdg).config.stateDir).toBe('/state/nixery');
    expect(readConfig({ ...xdg, STATE_DIRECTORY: '/var/lib/nixery' }).config.stateDir).toBe(
      '/var/lib/nixery',
    );
    expect(readConfig({ ...xdg, NIXERY_STATE_DIR: '/mine' }).config.stateDir).toBe('/mine');
  });

  it('uses the first of several sources, in the order channel, repository, path, and warns', () => {
    const all = { ...minimal, NIXERY_PKGS_REPO: 'https://host/repo', NIXERY_PKGS_PATH: '/pkgs' };
    expect(readConfig(all).config.source.kind).toBe('channel');
    expect(readConfig(all).warnings).toEqual([
      'several package sources are set: NIXERY_CHANNEL is used, NIXERY_PKGS_REPO and NIXERY_PKGS_PATH ignored',
    ]);
    expect(readConfig({ ...all, NIXERY_CHANNEL: '' }).config.source.kind).toBe('git');
  });

  it('tells all mistakes at once', () => {
    const found = problems({ PORT: '80x', NIX_TIMEOUT: '0', NIXERY_LOG_LEVEL: 'loud', HOME: '/h' });
    expect(found).toHaveLength(5);
    for (const name of [
      'PORT',
      'NIX_TIMEOUT',
      'NIXERY_LOG_LEVEL',
      'package source',
      'STORAGE_PATH',
    ]) {
      expect(found.some((problem) => problem.includes(name))).toBe(true);
    }
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '8080 '],
    ['NIXERY_CHANNEL', '--help'],
    ['NIXERY_CHANNEL', 'a/b'],
    ['NIXERY_CHANNEL_URL', 'ftp://host'],
    ['NIXERY_PKGS_REPO', '--upload-pack=x'],
    ['NIXERY_PKGS_REPO', 'ext::sh -c x'],
    ['NIXERY_PKGS_REPO', 'relative/path'],
    ['NIXERY_PKGS_PATH', 'relative'],
    ['STORAGE_PATH', 'relative'],
    ['NIXERY_STORAGE_BACKEND', 'floppy'],
    ['NIXERY_HOLD_SECONDS', '1.5'],
    ['NIXPKGS_ALLOW_UNFREE', 'yes'],
    ['NIXERY_LOG_FORMAT', 'xml'],
    ['NIXERY_METRICS', 'yes'],
  ])('does not take %s=%s', (name, value) => {
    const found = problems({ ...minimal, [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} must be`));
  });

  it.each([
    'https://user:secret@host/repo.git',
    'ssh://git@host/repo',
    'git@host:repo.git',
    'file:///srv/repo',
    '/srv/repo',
  ])('takes the repository %s', (url) => {
    const env = { STORAGE_PATH: '/s', HOME: '/h', NIXERY_PKGS_REPO: url };
    expect(readConfig(env).config.source).toEqual({ kind: 'git', url });
  });

  it('warns of an unknown variable with the nearest name, and not of those of Kubernetes', () => {
    const env = {
      ...minimal,
      NIXERY_PKG_PATH: '/x',
      NIXERY_SERVICE_HOST: '10.0.0.1',
      NIXERY_PORT: 'tcp://10.0.0.1:8080',
      NIXERY_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
    };
    expect(readConfig(env).warnings).toEqual([
      'NIXERY_PKG_PATH is no setting of this server; did you mean NIXERY_PKGS_PATH?',
    ]);
  });

  it('does so too where the name was meant for what is missing', () => {
    const env = { STORAGE_PATH: '/s', HOME: '/h', NIXERY_CHANEL: 'nixos-unstable' };
    expect(() => readConfig(env)).toThrow(
      expect.objectContaining({
        problems: [expect.stringContaining('no package source is set')],
        warnings: ['NIXERY_CHANEL is no setting of this server; did you mean NIXERY_CHANNEL?'],
      }),
    );
  });
});
