/** What Nix and git need of our environment to find their programs, configuration and certificates. */
const COMMON = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_CONFIG_DIRS',
  'XDG_RUNTIME_DIR',
  'XDG_STATE_HOME',
  'SSL_CERT_FILE',
  'NIX_SSL_CERT_FILE',
];

/** Where Nix keeps its store, state and configuration. `NIX_PATH` is left out: nothing may depend on the host's channels. */
const NIX = [
  'NIX_REMOTE',
  'NIX_STORE_DIR',
  'NIX_STATE_DIR',
  'NIX_LOG_DIR',
  'NIX_DATA_DIR',
  'NIX_LOCALSTATE_DIR',
  'NIX_CONF_DIR',
  'NIX_USER_CONF_FILES',
  'NIX_CONFIG',
  'NIX_DAEMON_SOCKET_PATH',
];

/** What reaching the network takes, which may hold credentials: never given to an evaluation. */
const NETWORK = [
  'http_proxy',
  'https_proxy',
  'ftp_proxy',
  'all_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'NIX_SSHOPTS',
  'SSH_AUTH_SOCK',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
];

const GIT = ['GIT_SSH_COMMAND', 'GIT_SSH', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_ASKPASS'];

/** What the program that brings a package set up to date may need besides: apt's configuration, as the offline set's does. */
const REFRESH = ['APT_CONFIG'];

function pick(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  const picked: NodeJS.ProcessEnv = { LC_ALL: 'C.UTF-8' };
  for (const name of names) {
    if (env[name] !== undefined) picked[name] = env[name];
  }
  return picked;
}

/** The environment, in which Nix has these settings besides its own: in a variable, since a command line is there for everybody to read. */
export function withNixOptions(
  env: NodeJS.ProcessEnv,
  options: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const lines = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  if (lines.length === 0) return env;
  const { NIX_CONFIG = '' } = env;
  return { ...env, NIX_CONFIG: [NIX_CONFIG, ...lines].join('\n') };
}

/** For evaluating what strangers may have written: no credentials, no search path. */
export function evaluationEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...pick(env, [...COMMON, ...NIX]), NIX_PATH: '' };
}

/** For realising derivations, which may fetch from binary caches. */
export function realisationEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...pick(env, [...COMMON, ...NIX, ...NETWORK]), NIX_PATH: '' };
}

/**
 * For fetching package sources. git must never wait for somebody to type a password, and knows the file of certificates
 * under a name of its own alone.
 */
export function fetchEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const certificates = env['GIT_SSL_CAINFO'] ?? env['NIX_SSL_CERT_FILE'] ?? env['SSL_CERT_FILE'];
  return {
    ...pick(env, [...COMMON, ...NIX, ...NETWORK, ...GIT]),
    NIX_PATH: '',
    GIT_TERMINAL_PROMPT: '0',
    ...(certificates !== undefined && { GIT_SSL_CAINFO: certificates }),
  };
}

/**
 * For the program that brings the package set in a folder up to date.
 *
 * @param folder told to it as `NIXERY_PKGS_PATH`
 */
export function refreshEnvironment(env: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  return { ...fetchEnvironment(env), ...pick(env, REFRESH), NIXERY_PKGS_PATH: folder };
}
