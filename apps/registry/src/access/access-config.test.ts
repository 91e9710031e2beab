import { describe, expect, it } from 'vitest';

import { ConfigError, readConfig } from '../config.ts';

const minimal = { NIXERY_PKGS_PATH: '/srv/packages', STORAGE_PATH: '/srv/nixery', HOME: '/root' };

function problems(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig({ ...minimal, ...env });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings of access', () => {
  it('are open unless told otherwise', () => {
    const { config, warnings } = readConfig(minimal);
    expect(config.access).toEqual({
      htpasswd: undefined,
      tokens: undefined,
      policy: undefined,
      sets: new Set(),
      proxies: undefined,
      requestsPerMinute: null,
      buildsPerClient: null,
    });
    expect(config).toMatchObject({ substitutesOnly: false, tls: undefined });
    expect(warnings).toEqual([]);
  });

  it('are read', () => {
    const { config } = readConfig({
      ...minimal,
      NIXERY_ALLOW_SETS: 'pkgsstatic, pkgsCross',
      NIXERY_CLIENT_REQUESTS: '600',
      NIXERY_CLIENT_BUILDS: '4',
      NIXERY_TRUSTED_PROXIES: '10.0.0.0/8 fd00::/8',
      NIXERY_BUILD: 'substitutes-only',
      NIXERY_TLS_CERT: '/etc/tls/tls.crt',
      NIXERY_TLS_KEY: '/etc/tls/tls.key',
    });
    expect(config.access).toMatchObject({ requestsPerMinute: 600, buildsPerClient: 4 });
    expect([...config.access.sets]).toEqual(['pkgsStatic', 'pkgsCross']);
    expect(config.access.proxies?.has('10.1.2.3')).toBe(true);
    expect(config).toMatchObject({
      substitutesOnly: true,
      tls: { cert: '/etc/tls/tls.crt', key: '/etc/tls/tls.key' },
    });
  });

  it.for([
    [{ NIXERY_HTPASSWD: 'htpasswd' }, 'NIXERY_HTPASSWD must be an absolute path'],
    [
      { NIXERY_ALLOW_SETS: 'pkgsStatc' },
      'NIXERY_ALLOW_SETS holds "pkgsStatc", which is no set that is closed; docs/security.md lists them',
    ],
    [{ NIXERY_BUILD: 'nothing' }, 'NIXERY_BUILD must be all or substitutes-only'],
    [
      { NIXERY_CLIENT_BUILDS: '-1' },
      'NIXERY_CLIENT_BUILDS must be a whole number from 0 (no limit) to 100000',
    ],
    [
      { NIXERY_TRUSTED_PROXIES: 'proxy' },
      'NIXERY_TRUSTED_PROXIES must be addresses or networks, such as 10.0.0.0/8,fd00::/8',
    ],
    [
      { NIXERY_TLS_CERT: '/tls.crt' },
      'NIXERY_TLS_KEY is not set: a certificate and its key go together',
    ],
    [
      { NIXERY_BUILD: 'substitutes-only', NIXERY_ALLOW_IFD: '1' },
      'NIXERY_ALLOW_IFD builds while it evaluates, and NIXERY_BUILD=substitutes-only builds nothing: set one of them',
    ],
  ] as const)('that cannot be used are told: %o', ([env, problem]) => {
    expect(problems(env)).toEqual([problem]);
  });

  it('that send passwords unencrypted are warned of', () => {
    const env = { ...minimal, NIXERY_HTPASSWD: '/etc/htpasswd' };
    expect(readConfig(env).warnings).toEqual([expect.stringContaining('unencrypted')]);
    expect(readConfig({ ...env, NIXERY_TRUSTED_PROXIES: '10.0.0.1' }).warnings).toEqual([]);
  });
});
