import { existsSync } from 'node:fs';

const DAEMON_SOCKET = '/nix/var/nix/daemon-socket/socket';

/**
 * An environment in which Nix builds into this machine's store: through the daemon where there is one, else as root by
 * itself, which takes a setting unless there are build users. `npm test` sets it; this is for tests started one by one.
 */
export function nixEnvironment(): NodeJS.ProcessEnv {
  const given = process.env['NIX_CONFIG'] ?? '';
  const alone = process.getuid?.() === 0 && !existsSync(DAEMON_SOCKET);
  if (!alone || given.includes('build-users-group')) return process.env;
  return { ...process.env, NIX_CONFIG: `${given}\nbuild-users-group =` };
}
