import { z } from 'zod';

import { accepted, descriptions } from '../describe.ts';
import { absolutePath, count } from '../value-types.ts';
import { TrustedProxies } from './client-address.ts';
import { setNamed } from './detours.ts';

/** Who may do what, and who is taken for whom. Without settings: everybody, everything but detours, by their address. */
export interface AccessConfig {
  /** Files, each with a format of its own; undefined where there is none. */
  readonly htpasswd: string | undefined;
  readonly tokens: string | undefined;
  readonly policy: string | undefined;
  /** Detours that are open, as nixpkgs spells them. */
  readonly sets: ReadonlySet<string>;
  readonly proxies: TrustedProxies | undefined;
  /** Requests a minute for each client; null: any number. */
  readonly requestsPerMinute: number | null;
  /** Builds that one client may have at the same time; null: any number. */
  readonly buildsPerClient: number | null;
}

/** Who may look at the pages: nobody, everybody, or who may use the API. */
export type PageAccess = 'off' | 'public' | 'auth';

export interface TlsConfig {
  /** PEM files: the certificate with those that lead from it to a known one, and its key. */
  readonly cert: string;
  readonly key: string;
}

function list(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((item) => item !== '');
}

const sets = z
  .string()
  .transform((text, context) => {
    const names = list(text).map((name) => [name, setNamed(name)] as const);
    for (const [name, set] of names) {
      if (set === undefined)
        context.addIssue(
          `holds ${JSON.stringify(name)}, which is no set that is closed; docs/security.md lists them`,
        );
    }
    return new Set(names.flatMap(([, set]) => set ?? []));
  })
  .register(accepted, { values: 'names, separated by commas' });

const proxies = z
  .string()
  .transform((text, context) => {
    const parsed = TrustedProxies.parse(list(text));
    if (parsed !== undefined) return parsed;
    context.addIssue('must be addresses or networks, such as 10.0.0.0/8,fd00::/8');
    return z.NEVER;
  })
  .register(accepted, { values: 'addresses and networks, separated by commas' });

/** Who may do what, and over what. */
export const accessVariables = {
  NIXERY_TRUSTED_PROXIES: proxies.optional().register(descriptions, {
    group: 'server',
    about:
      'Proxies whose `X-Forwarded-For` or `Forwarded` is believed ([behind a proxy](security.md#behind-a-proxy)): `10.0.0.0/8,fd00::/8`.',
    unset: 'none',
  }),
  NIXERY_TLS_CERT: absolutePath.optional().register(descriptions, {
    group: 'server',
    about:
      'A PEM file with a certificate and its intermediates: HTTPS in place of HTTP ([TLS](security.md#tls)).',
  }),
  NIXERY_TLS_KEY: absolutePath.optional().register(descriptions, {
    group: 'server',
    about: 'A PEM file with its key. Both or neither.',
    secret: 'file',
  }),
  NIXERY_HTPASSWD: absolutePath.optional().register(descriptions, {
    group: 'access',
    about:
      'A file of users and bcrypt passwords: whoever pulls has to log in ([logins](security.md#logins)).',
    secret: 'file',
    brief: 'file of users and passwords: whoever pulls has to log in',
  }),
  NIXERY_TOKENS: absolutePath.optional().register(descriptions, {
    group: 'access',
    about: 'A file of `user:token` lines, for the same.',
    secret: 'file',
  }),
  NIXERY_POLICY: absolutePath.optional().register(descriptions, {
    group: 'access',
    about:
      'A JSON file that says which packages everyone and each user may pull ([packages](security.md#packages)).',
    unset: 'all packages',
  }),
  NIXERY_ALLOW_SETS: sets.optional().register(descriptions, {
    group: 'access',
    about:
      '[Sets of packages](security.md#closed-sets) that are closed unless named here: `pkgsStatic,pkgsCross`.',
    unset: 'none',
  }),
  NIXERY_CLIENT_REQUESTS: count(10_000_000).prefault('0').register(descriptions, {
    group: 'access',
    about: 'Requests a minute for each client; more are answered 429.',
  }),
  NIXERY_CLIENT_BUILDS: count(100_000).prefault('0').register(descriptions, {
    group: 'access',
    about: 'Images being built for one client at the same time; more are answered 429.',
  }),
  NIXERY_PAGE: z
    .enum(['off', 'public', 'auth'], 'must be off, public or auth')
    .optional()
    .register(descriptions, {
      group: 'watching',
      about:
        '`off`: no pages; `public`: for everybody, also where the registry itself wants a login; `auth`: for who has a login.',
      unset: '`auth` where there are logins, else everybody',
    }),
};

const schema = z.object(accessVariables);

const LOGINS = ['NIXERY_HTPASSWD', 'NIXERY_TOKENS'] as const;

export function toAccessConfig(env: z.infer<typeof schema>): AccessConfig {
  return {
    htpasswd: env.NIXERY_HTPASSWD,
    tokens: env.NIXERY_TOKENS,
    policy: env.NIXERY_POLICY,
    sets: env.NIXERY_ALLOW_SETS ?? new Set(),
    proxies: env.NIXERY_TRUSTED_PROXIES,
    requestsPerMinute: env.NIXERY_CLIENT_REQUESTS,
    buildsPerClient: env.NIXERY_CLIENT_BUILDS,
  };
}

export function toTlsConfig(env: z.infer<typeof schema>): TlsConfig | undefined {
  const { NIXERY_TLS_CERT: cert, NIXERY_TLS_KEY: key } = env;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** Where there are logins, pages are not for strangers unless it is said. */
export function toPageAccess(env: z.infer<typeof schema>): PageAccess {
  return env.NIXERY_PAGE ?? 'auth';
}

/** What is wrong with settings that are right each by itself. */
export function accessProblems(
  set: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const tls = ['NIXERY_TLS_CERT', 'NIXERY_TLS_KEY'].filter((name) => set[name] === undefined);
  const importing = ['1', 'true'].includes(set['NIXERY_ALLOW_IFD'] ?? '');
  return [
    ...(tls.length === 1 ? [`${tls[0]} is not set: a certificate and its key go together`] : []),
    ...(set['NIXERY_PAGE'] === 'auth' && !LOGINS.some((name) => set[name] !== undefined)
      ? [`NIXERY_PAGE=auth needs logins: set ${LOGINS.join(' or ')}`]
      : []),
    ...(importing && set['NIXERY_BUILD'] === 'substitutes-only'
      ? [
          'NIXERY_ALLOW_IFD builds while it evaluates, and NIXERY_BUILD=substitutes-only builds nothing: set one of them',
        ]
      : []),
  ];
}

/** What is right and probably not meant. */
export function accessWarnings(
  set: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const secrets = LOGINS.filter((name) => set[name] !== undefined);
  const isEncrypted =
    set['NIXERY_TLS_CERT'] !== undefined || set['NIXERY_TRUSTED_PROXIES'] !== undefined;
  return [
    ...(secrets.length > 0 && !isEncrypted
      ? [
          `${secrets.join(' and ')}: passwords come unencrypted unless a proxy in front speaks TLS, or NIXERY_TLS_CERT and NIXERY_TLS_KEY are set`,
        ]
      : []),
  ];
}
